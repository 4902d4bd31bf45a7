-- Instants and durations are pairs of whole seconds and nanoseconds (0 to 999,999,999):
-- Lua's only number is a double, which cannot hold nanoseconds since 1970.

local function norm(s, n)
	if n < 0 then
		return s - 1, n + 1000000000
	elseif n >= 1000000000 then
		return s + 1, n - 1000000000
	end
	return s, n
end

local function less(as, an, bs, bn)
	return as < bs or (as == bs and an < bn)
end

-- The server's own clock, unless a test says what time it is.
local function clock(s, n)
	if s ~= '' then
		return tonumber(s), tonumber(n)
	end
	local t = redis.call('TIME')
	return tonumber(t[1]), tonumber(t[2]) * 1000
end

-- A bucket is the instant at which its budget is whole again. None is the same as
-- one in the past.
local function read(key)
	local s, n = string.match(redis.call('GET', key) or '', '^(-?%d+)%.(%d+)$')
	return tonumber(s or ''), tonumber(n or '')
end

-- A bucket that is whole again need not be kept. slack is in milliseconds.
local function write(key, s, n, ns, nn, slack)
	local ds, dn = norm(s - ns, n - nn)
	if ds < 0 or (ds == 0 and dn == 0) then
		redis.call('DEL', key)
		return
	end
	local ms = ds * 1000 + math.ceil(dn / 1000000) + slack
	redis.call('SET', key, string.format('%.0f.%09.0f', s, n), 'PX', string.format('%.0f', ms))
end

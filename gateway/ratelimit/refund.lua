-- Takes back what is left of each receipt; Memory.RefundAll says the same in Go.
-- KEYS: buckets. ARGV: now (two, empty for the server's), slack, then for each bucket
-- what was spent (two) and when (two).

local ns, nn = clock(ARGV[1], ARGV[2])
local slack = tonumber(ARGV[3])

for i, key in ipairs(KEYS) do
	local cs, cn = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
	local es, en = norm(ns - tonumber(ARGV[4 * i + 2]), nn - tonumber(ARGV[4 * i + 3]))
	local s, n = read(key)
	if s then
		if es >= 0 then -- else the clock stepped back, and all of it is left
			cs, cn = norm(cs - es, cn - en)
		end
		if cs >= 0 then
			s, n = norm(s - cs, n - cn)
			write(key, s, n, ns, nn, slack)
		end
	end
end
return 1

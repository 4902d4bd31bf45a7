-- Spends all items or none; Memory.SpendAll says the same in Go.
-- KEYS: buckets. ARGV: now (two, empty for the server's), slack, then for each bucket
-- its cost (two) and burst (two). Answers admitted, now, and each backlog.

local ns, nn = clock(ARGV[1], ARGV[2])
local slack = tonumber(ARGV[3])
local admitted = 1
local found, total = {}, {}

for i, key in ipairs(KEYS) do
	local cs, cn = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
	local bs, bn = tonumber(ARGV[4 * i + 2]), tonumber(ARGV[4 * i + 3])
	local s, n = read(key)
	local ls, ln = 0, 0
	if s then
		local ms, mn = norm(ns + bs, nn + bn)
		if less(ms, mn, s, n) then -- more than burst cannot come from spending
			s, n = ms, mn
			write(key, s, n, ns, nn, slack)
		end
		if less(ns, nn, s, n) then
			ls, ln = norm(s - ns, n - nn)
		end
	end
	local ts, tn = norm(ls + cs, ln + cn)
	if less(bs, bn, ts, tn) then
		admitted = 0
	end
	found[i] = { ls, ln }
	total[i] = { ts, tn, cs + cn > 0 }
end

local answer = { admitted, ns, nn }
for i, key in ipairs(KEYS) do
	local l = found[i]
	if admitted == 1 and total[i][3] then
		l = total[i]
		local s, n = norm(ns + l[1], nn + l[2])
		write(key, s, n, ns, nn, slack)
	end
	answer[2 * i + 2] = l[1]
	answer[2 * i + 3] = l[2]
end
return answer

-- Notes that a replica lives and answers how many do.
-- KEYS: the set of replicas. ARGV: now (two, empty for the server's), the replica's
-- name, and after how many silent seconds it counts as gone.

local ns = clock(ARGV[1], ARGV[2])
local keep = tonumber(ARGV[4])
redis.call('ZADD', KEYS[1], string.format('%.0f', ns), ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', ns - keep))
redis.call('EXPIRE', KEYS[1], ARGV[4])
return redis.call('ZCARD', KEYS[1])

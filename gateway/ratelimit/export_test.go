package ratelimit

import "time"

// SetPatience replaces how long a call may take.
func (r *Redis) SetPatience(d time.Duration) { r.patience = d }

// RedisKey is the key of a bucket.
var RedisKey = redisKey

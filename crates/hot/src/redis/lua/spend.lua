-- Adds what was used of a share, as the time in which it comes back (the generic cell rate algorithm).
-- KEYS 1 the share: when all of it has come back, µs
-- ARGV 1 now, ms, or empty · 2 µs that were used · 3 µs that it may owe at most
-- Answers: in how many µs all of it has come back
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
if ARGV[1] ~= '' then now = ARGV[1] * 1000 end
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
local owes = math.min(math.max(full_at - now, 0) + ARGV[2], tonumber(ARGV[3]))
if owes <= 0 then return 0 end
-- As text: a number of this size would lose its last digits.
redis.call('SET', KEYS[1], string.format('%.0f', now + owes), 'PX', math.ceil(owes / 1000))
return math.floor(owes)

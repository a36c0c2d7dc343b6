-- Begins a waiting room, unless there is one.
-- KEYS 1 meta · 2 front · 3 turns · 4 recent · 5 ended · 6 entries, the first chunk (see room.lua)
-- ARGV 1 empty · 2 meta · 3 front
-- Answers: begun · there
if redis.call('EXISTS', KEYS[1]) == 1 then return {'there', 0} end
redis.call('DEL', unpack(KEYS))
redis.call('SET', KEYS[2], ARGV[3])
-- None of these is ever empty, so that a slot that is being moved has all of them or none.
redis.call('HSET', KEYS[3], '', '')
redis.call('RPUSH', KEYS[4], string.rep('\0', 8))
redis.call('SET', KEYS[5], '')
redis.call('SET', KEYS[6], '')
redis.call('SET', KEYS[1], ARGV[2])
return {'begun', 0}

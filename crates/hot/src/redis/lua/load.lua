-- Puts a performance in place, unless it is there. It does without the common beginning, as there is nothing yet.
-- KEYS 1-14 as in stock.lua · 15 layout, string · 16 drainer, string (see take.lua)
-- ARGV 1 empty · 2 meta · 3 position `epoch-offset` · 4 states · 5 layout · 6 drainer · then for each collection:
--      its number in KEYS, the command that fills it, how many arguments follow, and those
-- Answers: loaded · there
if redis.call('EXISTS', KEYS[1]) == 1 then return {'there', 0} end
-- The record goes on at the position loaded. What an earlier epoch left in it and nobody has drained stays.
redis.call('XADD', KEYS[14], ARGV[3], 'c', '')
redis.call('XDEL', KEYS[14], ARGV[3])
for key = 2, 13 do redis.call('DEL', KEYS[key]) end
local at = 7
while at <= #ARGV do
  local key, command, count = KEYS[tonumber(ARGV[at])], ARGV[at + 1], tonumber(ARGV[at + 2])
  -- In portions of an even number, as Lua's stack is short.
  for from = at + 3, at + 2 + count, 1000 do
    redis.call(command, key, unpack(ARGV, from, math.min(from + 999, at + 2 + count)))
  end
  at = at + 3 + count
end
redis.call('SET', KEYS[2], ARGV[4])
redis.call('SET', KEYS[15], ARGV[5])
redis.call('SET', KEYS[16], ARGV[6])
redis.call('SET', KEYS[1], ARGV[2])
return {'loaded', 0}

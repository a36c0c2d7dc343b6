-- Lets lapse what is due, at most so many holds, and says how the performance stands.
-- ARGV 2 at most
-- Answers: ok, more (there may be more due), both with the ms until the next hold lapses, or -1
local word = lapse(tonumber(ARGV[2])) and 'more' or 'ok'
local due = call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
local wait = -1
if due[2] and due[2] ~= 'inf' then wait = math.max(0, tonumber(due[2]) - now) end
return answer(word, wait)

-- The place that a buyer has.
-- KEYS 1 meta · 2 ended · 3 buyers, the buyer's bucket
-- ARGV 2 buyer
-- Answers: place generation place · none
local had = tonumber(call('HGET', KEYS[3], ARGV[2]) or nil)
if not had or has_ended(KEYS[2], had) then return answer('none') end
return answer('place', generation, had)

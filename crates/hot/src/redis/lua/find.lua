-- A hold, live or ended so recently that the ledger may not know of it.
-- ARGV 2 hold
-- Answers: live HOLD · ended ENDING and HOLD · unknown
local value = call('HGET', HOLDS, ARGV[2])
if value then return answer('live', value) end
local ended = call('HGET', ENDED, ARGV[2])
if ended then return answer('ended', ended) end
return answer('unknown')

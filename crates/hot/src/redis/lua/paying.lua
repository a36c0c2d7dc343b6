-- The holds that have been PAYING for long, the longest first.
-- ARGV 2 for how many ms · 3 at most
-- Answers: holds, then hold, HOLD for each
local found = {'holds', 0}
for _, hold in ipairs(call('ZRANGEBYSCORE', PAYING, '-inf', now - tonumber(ARGV[2]), 'LIMIT', 0, tonumber(ARGV[3]))) do
  found[#found + 1] = hold
  found[#found + 1] = call('HGET', HOLDS, hold)
end
return found

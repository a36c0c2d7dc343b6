-- Gives an owner more time, at most so many times a hold.
-- ARGV 2 hold · 3 owner · 4 call · 5 ttl in ms · 6 how often is allowed
-- Answers: extended HOLD · used · paying · ended ENDING · unknown · again
local hold, owner, caller, ttl, most = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])

if lapse(LAPSES) then return answer('again') end
local value, ended = theirs(hold, owner)
if ended then return answer('ended', ended) end
if not value then return answer('unknown') end
if hold_order(value) then return answer('paying') end
if hold_call(value) == caller then return answer('extended', value) end
local _, made, expires, made_epoch, made_offset, made_number, used = unpacked(HOLD, value)
if used >= most then return answer('used') end

expires = math.max(expires, now + ttl)
record(2, hold .. pack('>I8', expires))
value = pack('>c16I8I8I4I4I8I4', owner, made, expires, made_epoch, made_offset, made_number, used + 1)
  .. caller .. value:sub(61)
call('HSET', HOLDS, hold, value)
call('ZADD', DUE, expires, hold)
return answer('extended', value)

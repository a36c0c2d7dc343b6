-- PAYING to HELD: the payment came to nothing. What was left of its time is left, but at least the grace.
-- ARGV 2 hold · 3 fence, 8 bytes · 4 call · 5 order · 6 grace in ms
-- Answers: done · stale
local hold, fence, caller, order, grace = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])

local value = paying_under(hold, fence, order)
if not value then
  -- The same call again, because its first answer was lost on the way.
  local known = call('HGET', HOLDS, hold)
  return answer(known and hold_call(known) == caller and 'done' or 'stale')
end
local owner, made, expires, made_epoch, made_offset, made_number, used = unpacked(HOLD, value)
expires = math.max(expires, now + grace)
local units = hold_units(value)
record(4, hold .. order .. pack('>I8', expires) .. units)
value = pack('>c16I8I8I4I4I8I4', owner, made, expires, made_epoch, made_offset, made_number, used)
  .. caller .. string.rep('\0', 24) .. units
call('HSET', HOLDS, hold, value)
call('ZREM', PAYING, hold)
call('ZADD', DUE, expires, hold)
move(each(units), HELD)
-- Without a grace it may have lapsed meanwhile.
lapse(LAPSES)
return answer('done')

-- PAYING to SOLD. Doing it again is no mistake.
-- ARGV 2 hold · 3 fence, 8 bytes · 4 order
-- Answers: done · stale
local hold, fence, order = ARGV[2], ARGV[3], ARGV[4]

local ended = call('HGET', ENDED, hold)
if ended and ended:sub(1, 1) == 's' then
  return answer(ended:sub(10, 25) == order and 'done' or 'stale')
end
if call('HEXISTS', SALES, order) == 1 then return answer('done') end
local value = paying_under(hold, fence, order)
if not value then return answer('stale') end

local units = hold_units(value)
record(5, hold .. order .. units)
finish(hold, value, 's', order)
call('HSET', SALES, order, hold_owner(value) .. units)
move(each(units), SOLD)
return answer('done')

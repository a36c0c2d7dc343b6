-- Holds units, all or none.
-- ARGV 2 hold · 3 owner · 4 call · 5 's' seats, 'a' places of an area, 'b' seats that somebody chose as the best
--      6 units ('s', 'b'; empty: there were not enough) or area ('a') · 7 how many · 8 ttl in ms
--      9 most units of one owner · 10 idempotency key and digest of the request, 16 bytes each, or empty
--      11 'b': the position `epoch:offset` at which the choice was made
-- Answers: held HOLD · repeated hold · mismatch · name · no_seat unit · no_area · limit owned · taken units · sold_out
--          again (more holds are due than one command lets lapse) · moved ('b': the choice is out of date)
local hold, owner, caller, kind, wanted = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local quantity, ttl, most, word, seen = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10], ARGV[11]
local DAY = 86400000

if lapse(LAPSES) then return answer('again') end

-- The same call again, because its first answer was lost on the way.
local known = call('HGET', HOLDS, hold)
if known and hold_owner(known) == owner and hold_call(known) == caller then return answer('held', known) end

local key = owner .. word:sub(1, 16)
if word ~= '' then
  local made = call('HGET', WORDS, key)
  if made then
    if made:sub(1, 16) ~= word:sub(17) then return answer('mismatch') end
    return answer('repeated', made:sub(17))
  end
end
if known or call('HEXISTS', ENDED, hold) == 1 then return answer('name') end

-- What does not exist is said before what may not be had.
local list = {}
if kind == 'a' then
  if call('HEXISTS', AREAS, wanted) == 0 then return answer('no_area') end
else
  list = each(wanted)
  for _, unit in ipairs(list) do
    if unit < 1 or unit > seats then return answer('no_seat', unit) end
  end
end
local count, names = belongings(owner)
if count + quantity > most then return answer('limit', count) end

local area, first, last, frontier
if kind == 'a' then
  first, last, frontier = unpacked('>I4I4I4', call('HGET', AREAS, wanted))
  for _, place in ipairs(call('ZRANGEBYSCORE', RETURNED, first, last, 'LIMIT', 0, quantity)) do
    list[#list + 1] = tonumber(place)
  end
  local fresh = quantity - #list
  if frontier + fresh - 1 > last then return answer('sold_out') end
  for from = 1, #list, 1000 do
    call('ZREM', RETURNED, unpack(list, from, math.min(from + 999, #list)))
  end
  if fresh > 0 then
    for place = frontier, frontier + fresh - 1 do list[#list + 1] = place end
    call('HSET', AREAS, wanted, pack('>I4I4I4', first, last, frontier + fresh))
  end
else
  if kind == 'b' and wanted == '' then
    return answer(epoch .. ':' .. offset == seen and 'sold_out' or 'moved')
  end
  local taken = {}
  for at, state in ipairs(states_of(list)) do
    if state ~= FREE then taken[#taken + 1] = pack('>I4', list[at]) end
  end
  if #taken > 0 then return answer(kind == 'b' and 'moved' or 'taken', table.concat(taken)) end
end

local units = {}
for at, unit in ipairs(list) do units[at] = pack('>I4', unit) end
units = table.concat(units)
local expires = now + ttl
record(1, hold .. owner .. pack('>I8B', expires, #word) .. word .. units)
local value = pack('>c16I8I8I4I4I8I4', owner, now, expires, epoch, offset, number, 0)
  .. caller .. string.rep('\0', 24) .. units
call('HSET', HOLDS, hold, value)
call('ZADD', DUE, expires, hold)
keep_belongings(owner, count + quantity, names .. hold)
move(list, HELD)
if word ~= '' then
  call('HSET', WORDS, key, word:sub(17) .. hold)
  call('ZADD', SAID, now, key)
  -- A key is remembered for a day. Ten are forgotten for each that comes, so they never pile up.
  for _, old in ipairs(call('ZRANGEBYSCORE', SAID, '-inf', now - DAY, 'LIMIT', 0, 10)) do
    call('ZREM', SAID, old)
    call('HDEL', WORDS, old)
  end
end
return answer('held', value)

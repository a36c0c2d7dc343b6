-- Holds units, all or none; for several who ask at once, for one after the other.
-- ARGV from 2 on, ten for each who asks:
--      1 hold · 2 owner · 3 call · 4 's' seats, 'a' places of an area, 'b' seats that somebody chose as the best
--      5 units ('s', 'b'; empty: there were not enough) or area ('a') · 6 how many · 7 ttl in ms
--      8 most units of one owner · 9 idempotency key and digest of the request, 16 bytes each, or empty
--      10 'b': the position `epoch:offset` at which the choice was made
-- Answers: a list with one for each, in their order
--          held HOLD · repeated hold · mismatch · name · no_seat unit · no_area · limit owned · taken units · sold_out
--          moved ('b': the choice is out of date)
--       or, for all: again (more holds are due than one command lets lapse)
local FIELDS, DAY = 10, 86400000

if lapse(LAPSES) then return answer('again') end

-- What is read is read for all of them at once, and kept as it becomes while one after the other is decided; what
-- becomes of it is written for all of them at once.
local asked, holds, owners, keys, wishes, seat_list = {}, {}, {}, {}, {}, {}
for at = 2, #ARGV, FIELDS do
  local one = {
    hold = ARGV[at], owner = ARGV[at + 1], caller = ARGV[at + 2], kind = ARGV[at + 3], wanted = ARGV[at + 4],
    quantity = tonumber(ARGV[at + 5]), ttl = tonumber(ARGV[at + 6]), most = tonumber(ARGV[at + 7]),
    word = ARGV[at + 8], seen = ARGV[at + 9],
  }
  asked[#asked + 1], holds[#holds + 1], owners[#owners + 1] = one, one.hold, one.owner
  if one.word ~= '' then
    one.key = one.owner .. one.word:sub(1, 16)
    keys[#keys + 1] = one.key
  end
  if one.kind == 'a' then
    wishes[one.wanted] = (wishes[one.wanted] or 0) + one.quantity
  else
    one.list = each(one.wanted)
    for _, unit in ipairs(one.list) do
      if unit >= 1 and unit <= seats then seat_list[#seat_list + 1] = unit end
    end
  end
end

-- The entries of a hash under these names, those that are there.
local function entries(hash, names)
  local found = {}
  if #names == 0 then return found end
  for at, value in ipairs(call('HMGET', hash, unpack(names))) do found[names[at]] = value or nil end
  return found
end

local live, gone, owned_by, made = entries(HOLDS, holds), entries(ENDED, holds), entries(OWNERS, owners), entries(WORDS, keys)
local state_of = {}
for at, state in ipairs(states_of(seat_list)) do state_of[seat_list[at]] = state end
-- An area's frontier, and of the places that came back as many as are wished for.
local area_of = {}
for area, quantity in pairs(wishes) do
  local value = call('HGET', AREAS, area)
  if value then
    local first, last, frontier = unpacked('>I4I4I4', value)
    local back = call('ZRANGEBYSCORE', RETURNED, first, last, 'LIMIT', 0, quantity)
    area_of[area] = {first = first, last = last, frontier = frontier, back = back, used = 0}
  end
end

-- Places of an area: those that came back first, then such as no one ever had. Nothing: there are not so many.
local function places(area, quantity)
  local back = math.min(quantity, #area.back - area.used)
  if area.frontier + quantity - back - 1 > area.last then return nil end
  local list = {}
  for at = 1, back do list[at] = tonumber(area.back[area.used + at]) end
  for at = back + 1, quantity do list[at] = area.frontier + at - back - 1 end
  area.used, area.frontier, area.moved = area.used + back, area.frontier + quantity - back, true
  return list
end

local new_holds, new_due, new_units, new_owned, new_words, new_said = {}, {}, {}, {}, {}, {}

local function decide(one)
  -- The same call again, because its first answer was lost on the way.
  local known = live[one.hold]
  if known and hold_owner(known) == one.owner and hold_call(known) == one.caller then return said('held', known) end
  local before = one.key and made[one.key]
  if before then
    if before:sub(1, 16) ~= one.word:sub(17) then return said('mismatch') end
    return said('repeated', before:sub(17))
  end
  if known or gone[one.hold] then return said('name') end

  -- What does not exist is said before what may not be had.
  local list = one.list
  local area = area_of[one.wanted]
  if not list and not area then return said('no_area') end
  for _, unit in ipairs(list or {}) do
    if not state_of[unit] then return said('no_seat', unit) end
  end
  local count = tonumber(owned_by[one.owner] or 0)
  if count + one.quantity > one.most then return said('limit', count) end
  if not list then
    list = places(area, one.quantity)
    if not list then return said('sold_out') end
  elseif one.kind == 'b' and #list == 0 then
    return said(epoch .. ':' .. offset == one.seen and 'sold_out' or 'moved')
  else
    local taken = {}
    for _, unit in ipairs(list) do
      if state_of[unit] ~= FREE then taken[#taken + 1] = pack('>I4', unit) end
    end
    if #taken > 0 then return said(one.kind == 'b' and 'moved' or 'taken', table.concat(taken)) end
  end

  local units = {}
  for at, unit in ipairs(list) do
    units[at], state_of[unit], new_units[#new_units + 1] = pack('>I4', unit), HELD, unit
  end
  units = table.concat(units)
  local expires = now + one.ttl
  record(1, one.hold .. one.owner .. pack('>I8B', expires, #one.word) .. one.word .. units)
  local value = pack('>c16I8I8I4I4I8I4', one.owner, now, expires, epoch, offset, number, 0)
    .. one.caller .. string.rep('\0', 24) .. units
  live[one.hold], owned_by[one.owner], new_owned[one.owner] = value, count + one.quantity, count + one.quantity
  new_holds[#new_holds + 1], new_holds[#new_holds + 2] = one.hold, value
  new_due[#new_due + 1], new_due[#new_due + 2] = expires, one.hold
  if one.key then
    made[one.key] = one.word:sub(17) .. one.hold
    new_words[#new_words + 1], new_words[#new_words + 2] = one.key, made[one.key]
    new_said[#new_said + 1], new_said[#new_said + 2] = now, one.key
  end
  return said('held', value)
end

local answers = {}
for at, one in ipairs(asked) do answers[at] = decide(one) end

if #new_holds > 0 then
  call('HSET', HOLDS, unpack(new_holds))
  call('ZADD', DUE, unpack(new_due))
  local counts = {}
  for owner, count in pairs(new_owned) do counts[#counts + 1], counts[#counts + 2] = owner, count end
  call('HSET', OWNERS, unpack(counts))
  move(new_units, HELD)
  for name, area in pairs(area_of) do
    if area.moved then
      for from = 1, area.used, 1000 do
        call('ZREM', RETURNED, unpack(area.back, from, math.min(from + 999, area.used)))
      end
      call('HSET', AREAS, name, pack('>I4I4I4', area.first, area.last, area.frontier))
    end
  end
end
if #new_words > 0 then
  call('HSET', WORDS, unpack(new_words))
  call('ZADD', SAID, unpack(new_said))
  -- A key is remembered for a day. Ten are forgotten for each that comes, so they never pile up.
  for _, old in ipairs(call('ZRANGEBYSCORE', SAID, '-inf', now - DAY, 'LIMIT', 0, 5 * #new_said)) do
    call('ZREM', SAID, old)
    call('HDEL', WORDS, old)
  end
end
close()
return answers

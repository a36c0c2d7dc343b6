-- Gives a place, or the one that the buyer has; of several who join at once, to one after the other.
-- KEYS 1 meta · 2 ended · 3 entries, the chunk of the next place
--      then for each: buyers, the buyer's bucket; and where addresses count addresses, the address's bucket
-- ARGV 2 when the lobby closes, in ms; empty: there is none · 3 which chunk KEYS[3] is · 4 places a chunk
--      5 most places of a room · 6 how many keys there are for each
--      then for each: buyer · this call · address
-- Answers: a list with one for each, in their order
--          placed place · same place · refused gate · duplicate · full
--          rejoin place (it has ended, and is theirs again: that is decided by the program)
--          chunk number (KEYS[3] is another one)
local ENDED, ENTRIES = KEYS[2], KEYS[3]
local here, size, most, own = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local KEYS_BEFORE, BEFORE, FIELDS = 3, 6, 3

local first, entries = joined, {}

local function join(number)
  local key, at = KEYS_BEFORE + (number - 1) * own, BEFORE + (number - 1) * FIELDS
  local buyers, addresses = KEYS[key + 1], own == 2 and KEYS[key + 2]
  local buyer, address = ARGV[at + 1], ARGV[at + 3]

  close_lobby(ARGV[2], ARGV[at + 2])
  local had = tonumber(call('HGET', buyers, buyer) or nil)
  if had and not has_ended(ENDED, had) then return said('same', had) end
  if gate ~= 0 then return said('refused', gate) end
  if addresses then
    local taken = tonumber(call('HGET', addresses, address) or nil)
    if taken and taken ~= had and not has_ended(ENDED, taken) then return said('duplicate') end
  end
  if had and lobby == NOT_CLOSED then return said('rejoin', had) end
  if joined >= most then return said('full') end
  local chunk = math.floor(joined / size)
  if chunk ~= here then return said('chunk', chunk) end

  local place = joined
  entries[#entries + 1] = buyer
  call('HSET', buyers, buyer, place)
  if addresses then call('HSET', addresses, address, place) end
  joined, changed = joined + 1, true
  return said('placed', place)
end

local answers = {}
for number = 1, (#ARGV - BEFORE) / FIELDS do answers[number] = join(number) end
if #entries > 0 then call('SETRANGE', ENTRIES, (first - here * size) * 16, table.concat(entries)) end
close()
return answers

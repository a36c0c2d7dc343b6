-- The room as it is, as far as whoever asks does not know it, and some places.
-- KEYS 1 meta · 2 front · 3 turns · 4 recent · 5 ended · 6 entries, the chunk of the place asked about
-- ARGV 2 when the lobby closes, in ms; empty: there is none; '-': it is not to be closed now · 3 this call
--      4 known generation · 5 known offset · 6 known mark; empty: nothing is known
--      7 the place asked about, in its chunk; empty: none · 8 places of which to tell whether they have ended, u32 each
-- Answers: seen meta, now, front, buyer of the place asked about (empty: there is none), a byte '0' or '1' for each
--          place of 8, and then either 'since' and the changes since, or 'whole' and all turns
local FRONT, TURNS, RECENT, ENDED, ENTRIES = KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
if ARGV[2] ~= '-' then close_lobby(ARGV[2], ARGV[3]) end

local buyer = ''
if ARGV[7] ~= '' then
  local from = tonumber(ARGV[7]) * 16
  buyer = call('GETRANGE', ENTRIES, from, from + 15)
end

local ended = {}
for from = 1, #ARGV[8], 2000 do
  local ask = {}
  for at = from, math.min(from + 1999, #ARGV[8]), 4 do
    ask[#ask + 1] = 'GET'
    ask[#ask + 1] = 'u1'
    ask[#ask + 1] = unpacked('>I4', ARGV[8], at)
  end
  for _, bit in ipairs(call('BITFIELD_RO', ENDED, unpack(ask))) do ended[#ended + 1] = bit end
end

local function now_known()
  return pack(META, generation, joined, lobby, gate, offset, sequence, mark, closing, secret)
end

-- A Redis that lost its last second may have come by the same offset another way: the marks tell.
local behind = ARGV[6] ~= '' and tonumber(ARGV[4]) == generation and offset - tonumber(ARGV[5])
local how, list
if behind == 0 and mark == ARGV[6] then
  how, list = 'since', {}
elseif behind and behind > 0 and behind < call('LLEN', RECENT) then
  local changes = call('LRANGE', RECENT, -behind - 1, -1)
  if changes[1]:sub(1, 8) == ARGV[6] then
    table.remove(changes, 1)
    how, list = 'since', changes
  end
end
if not how then how, list = 'whole', call('HGETALL', TURNS) end
local seen = answer('seen', '', string.format('%d', now), call('GET', FRONT), buyer, table.concat(ended), how, list)
seen[3] = now_known()
return seen

-- What every command on a waiting room begins with. It stands in front of each command's own file.
--
-- The keys of a room. All carry the tag {event}, so they live in one slot. A command names those that it touches.
--   meta       string  generation u32, joined u32, lobby u32 (4294967295: not closed), gate u8 (0 open, 1 sold out,
--                      2 closed), offset u64 (how many changes there were), last sequence u64, mark (the call that made
--                      the last change), closing (the call that closed the lobby), secret
--   front      string  everything else but places and turns, as the program writes it
--   turns      hash    place -> the turn of who is called, at the door or inside, as the program writes it
--   recent     list    the last changes: the mark of the call that made it, then the change as the program writes it
--   ended      string  one bit a place: it has ended
--   entries:N  string  16 bytes a place, whose it is; so many places a chunk that none becomes long
--   buyers:N   hash    buyer -> their last place; so many buckets that each is packed tightly
--   addresses:N  hash  address -> the last place from there; likewise
-- KEYS[1] is the meta. ARGV[1] now in ms where a test sets the clock; else empty, and it is Redis' own time.
--
-- Numbers are big-endian. A command that finds no room answers missing; every other answer is a word, the command's
-- number (0: it changed nothing), and what belongs to the word.
--
-- Joining is decided here. What else happens in a room is decided by the program from what it has read, and taken
-- only where nothing has changed since (room_commit.lua).

local call, pack, unpacked = redis.call, struct.pack, struct.unpack
local META = '>I4I4I4BI8I8c8c8c32'
local NOT_CLOSED = 4294967295

local meta = call('GET', KEYS[1])
if not meta then return {'missing', 0} end
local generation, joined, lobby, gate, offset, sequence, mark, closing, secret = unpacked(META, meta)
local clock = call('TIME')
local micros = clock[1] * 1000000 + clock[2]
local now = tonumber(ARGV[1]) or math.floor(micros / 1000)
local changed, written = false, false

-- Closes the lobby where its time has come; `opens_at` is empty where there is none.
local function close_lobby(opens_at, caller)
  if lobby ~= NOT_CLOSED or (opens_at ~= '' and tonumber(opens_at) > now) then return end
  lobby, closing, changed = joined, caller, true
end

-- What a command comes to. Its number is microseconds of Redis' time, but always greater than the last one of this room.
local function said(word, ...)
  if not changed then return {word, 0, ...} end
  sequence, changed, written = math.max(sequence + 1, micros), false, true
  return {word, sequence, ...}
end

-- Ends the script: what was changed sticks.
local function close()
  if not written then return end
  call('SET', KEYS[1], pack(META, generation, joined, lobby, gate, offset, sequence, mark, closing, secret))
end

-- Ends a script that is one command.
local function answer(...)
  local answered = said(...)
  close()
  return answered
end

local function has_ended(key, place) return call('GETBIT', key, place) == 1 end

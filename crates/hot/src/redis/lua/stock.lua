-- What every command begins with: the stock of one performance, and how it moves. It stands in front of each
-- command's own file.
--
-- KEYS, the same for every command. All carry the tag {performance}, so they live in one slot. Each of them exists
-- from the loading on and never becomes empty (the collections keep one entry without a name): then a slot that is
-- being moved to another node has all of them or none, and no command is caught between two nodes.
--    1 meta      string  epoch u32, offset u32, last sequence u64, seats u32, areas u16
--    2 states    string  one byte a unit: '0' available, '1' held, '2' paying, '3' sold, '4' blocked
--    3 holds     hash    hold -> HOLD, then its units
--    4 due       zset    hold by expiry in ms, of those that lapse
--    5 owners    hash    owner -> how many units they have
--    6 ended     hash    hold -> ENDING, then the hold as it last was
--    7 endings   zset    hold by the fence of its ending, until the ledger has it
--    8 words     hash    owner and idempotency key -> digest of the request, hold that it made
--    9 said      zset    owner and idempotency key by when it was used
--   10 returned  zset    places of areas that are free below their area's frontier, by number
--   11 areas     hash    area -> AREA: first place, last place, frontier (from there on no place was ever taken)
--   12 sales     hash    order -> owner, then its units
--   13 paying    zset    hold by when its payment began
--   14 changes   stream  the record, `epoch-offset` -> one change; also the name of the shard channel
-- ARGV[1] now in ms where a test sets the clock; else empty, and it is Redis' own time.
--
-- Units travel as u32 each, everything is big-endian, ids are their 16 bytes.
-- A command first reads and decides; what it decides it writes through `record`, and it answers through `answer`;
-- `hold`, which is many commands in one script, through `said` and `close`.
-- An answer is a word, the command's number (0: it changed nothing), and what belongs to the word.

local META, STATES, HOLDS, DUE, OWNERS, ENDED, ENDINGS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local WORDS, SAID, RETURNED, AREAS, SALES, PAYING = KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local CHANGES = KEYS[14]
local call, pack, unpacked = redis.call, struct.pack, struct.unpack

-- owner, made at, expires at, epoch, offset, sequence, extensions used, the call that moved it last, since, order
-- ('since' is 0 and 'order' all zeros while it is HELD)
local HOLD, HOLD_BYTES = '>c16I8I8I4I4I8I4I8I8c16', 84
-- how ('c' cancelled, 'x' expired, 's' sold), epoch, offset, order
local ENDING, ENDING_BYTES = '>c1I4I4c16', 25
local NOBODY = string.rep('\0', 16)
local FREE, HELD, IN_PAYMENT, SOLD, BLOCKED = 48, 49, 50, 51, 52
-- Ended holds are remembered until the ledger has them; beyond so many the oldest are forgotten.
local MOST_ENDED = 1000000
-- A command lets lapse at most so many holds before it says that it has to be asked again.
local LAPSES = 100

local meta = call('GET', META)
if not meta then return {'missing', 0} end
local epoch, offset, sequence, seats, areas = unpacked('>I4I4I8I4I2', meta)
-- Offsets are never used twice; a performance that has used them up stands still.
if offset > 4294900000 then return {'worn', 0} end
local begun = offset
local clock = call('TIME')
local micros = clock[1] * 1000000 + clock[2]
local now = tonumber(ARGV[1]) or math.floor(micros / 1000)
-- The command's number: microseconds of Redis' time, but always greater than the last one of this performance.
local number = math.max(sequence + 1, micros)

-- Writes one change down; its position is the new offset.
local function record(kind, body)
  offset = offset + 1
  call('XADD', CHANGES, epoch .. '-' .. offset, 'c', pack('>BI8I8', kind, number, now) .. body)
end

-- What a command comes to. It had its number if it recorded anything; the next one of the same script gets another.
local told = sequence
local function said(word, ...)
  if offset == begun then return {word, 0, ...} end
  told, begun, number = number, offset, number + 1
  return {word, told, ...}
end

-- Ends the script: what was recorded sticks, and whoever watches is told.
local function close()
  if told == sequence then return end
  call('SET', META, pack('>I4I4I8I4I2', epoch, offset, told, seats, areas))
  call('SPUBLISH', CHANGES, epoch .. ':' .. offset)
end

-- Ends a script that is one command.
local function answer(...)
  local answered = said(...)
  close()
  return answered
end

-- Unit numbers from their packed form.
local function each(units)
  local list = {}
  for at = 1, #units, 4 do list[#list + 1] = (unpacked('>I4', units, at)) end
  return list
end

-- The states of units, in the same order. Many units are asked for in portions, as Lua's stack is short.
local function states_of(list)
  local found = {}
  for from = 1, #list, 500 do
    local ask = {}
    for at = from, math.min(from + 499, #list) do
      ask[#ask + 1] = 'GET'
      ask[#ask + 1] = 'u8'
      ask[#ask + 1] = '#' .. (list[at] - 1)
    end
    for _, state in ipairs(call('BITFIELD_RO', STATES, unpack(ask))) do found[#found + 1] = state end
  end
  return found
end

-- Moves units to a state. Places that become free can be picked again.
local function move(list, state)
  for from = 1, #list, 500 do
    local set = {}
    for at = from, math.min(from + 499, #list) do
      set[#set + 1] = 'SET'
      set[#set + 1] = 'u8'
      set[#set + 1] = '#' .. (list[at] - 1)
      set[#set + 1] = state
    end
    call('BITFIELD', STATES, unpack(set))
  end
  if state == FREE then
    for _, unit in ipairs(list) do
      if unit > seats then call('ZADD', RETURNED, unit, unit) end
    end
  end
end

-- How many units an owner has.
local function owned(owner) return tonumber(call('HGET', OWNERS, owner) or 0) end

local function keep_owned(owner, count)
  if count > 0 then call('HSET', OWNERS, owner, count) else call('HDEL', OWNERS, owner) end
end

local function hold_units(value) return value:sub(HOLD_BYTES + 1) end
local function hold_owner(value) return value:sub(1, 16) end
-- Whether it is PAYING, and under which order.
local function hold_order(value)
  local order = value:sub(HOLD_BYTES - 15, HOLD_BYTES)
  return order ~= NOBODY and order or nil
end
-- The call that moved it last, the 8 bytes as they are.
local function hold_call(value) return value:sub(53, 60) end

-- A live hold of an owner; else nothing, and how it ended where it has.
local function theirs(hold, owner)
  local value = call('HGET', HOLDS, hold)
  if value and hold_owner(value) == owner then return value end
  local ended = call('HGET', ENDED, hold)
  if ended and ended:sub(ENDING_BYTES + 1, ENDING_BYTES + 16) == owner then return nil, ended end
  return nil, nil
end

-- A live hold that is PAYING under exactly this fence and order.
local function paying_under(hold, fence, order)
  local value = call('HGET', HOLDS, hold)
  if value and value:sub(33, 40) == fence and hold_order(value) == order then return value end
end

-- Takes a hold off the live ones, after its last change was recorded. Its owner keeps the units where they bought
-- them.
local function finish(hold, value, how, order)
  call('HDEL', HOLDS, hold)
  call('ZREM', hold_order(value) and PAYING or DUE, hold)
  local last = value:sub(1, HOLD_BYTES - 24) .. string.rep('\0', 24) .. hold_units(value)
  call('HSET', ENDED, hold, pack(ENDING, how, epoch, offset, order or NOBODY) .. last)
  call('ZADD', ENDINGS, epoch * 4294967296 + offset, hold)
  if call('ZCARD', ENDINGS) > MOST_ENDED then
    local oldest = call('ZPOPMIN', ENDINGS)
    call('HDEL', ENDED, oldest[1])
  end
  if how == 's' then return end
  local owner = hold_owner(value)
  keep_owned(owner, owned(owner) - #hold_units(value) / 4)
end

-- Lets lapse what is due. True: there may be more.
local function lapse(at_most)
  local due = call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, at_most)
  for _, hold in ipairs(due) do
    local value = call('HGET', HOLDS, hold)
    local units = hold_units(value)
    record(7, hold .. units)
    finish(hold, value, 'x')
    move(each(units), FREE)
  end
  return #due == at_most
end

-- What every script begins with: time, settings, counters, and the one way to save what it changed.
-- In the files beside it the first `local` names what others may use; the rest stays in a function of its own. Lua takes 200 locals a
-- script, and looks for each name that a closure takes along in a list of all of them: in one function that cost 60 µs a call.
-- KEYS[1]: what all keys of the limits begin with, hash tag included, such as `kirogate:{limits}:`.
-- ARGV[1], ARGV[2]: monotonic and wall time in ms of a test's clock; both empty: the server's TIME. ARGV[3]: the caller's run.
local call = redis.call
local ROOT = KEYS[1]
local RUN = ARGV[3]
local MINUTE, HOUR, DAY, MARGIN = 60000, 3600000, 86400000, 1000
local ANSWER_KEPT = 60000

-- Whole milliseconds. Should the server's clock step back, lists of times stay untrimmed for as long: caps get narrower, never wider.
local MONO, WALL = tonumber(ARGV[1]), tonumber(ARGV[2])
if not MONO then
  local time = call('TIME')
  MONO = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  WALL = MONO
end

-- Numbers keep all their digits on the way to Redis as numbers of redis.call and in cmsgpack; `..` and cjson cut them to 14.
local function number(text)
  return text and text ~= '' and tonumber(text) or nil
end

local function text(value)
  return value == nil and '' or value
end

local META = { 'position', 'admissions', 'rpm', 'rph', 'concurrent', 'uses', 'rate', 'talksAt', 'refusedAt', 'settingsAt' }
local meta = {}
for i, value in ipairs(call('HMGET', ROOT .. 'meta', unpack(META))) do
  meta[META[i]] = number(value)
end
local metaChanged = {}

local function setMeta(field, value)
  meta[field] = value
  metaChanged[field] = true
end

-- Records are packed lists of values in the order of `fields`: a tenth of the cost of a hash of 37 fields (measured: 2 µs against 23).
-- An absent value is false. nil: no such record.
local function readRecord(key, fields)
  local packed = call('GET', key)
  if not packed then return nil end
  local record = {}
  for i, value in ipairs(cmsgpack.unpack(packed)) do
    if value ~= false then record[fields[i]] = value end
  end
  return record
end

local function pack(record, fields)
  local values = {}
  for i, field in ipairs(fields) do
    values[i] = record[field] or false
  end
  return cmsgpack.pack(values)
end

local savers = {}

-- Call it once, last.
local function save()
  for _, saver in ipairs(savers) do
    saver()
  end
  local fields = {}
  for field in pairs(metaChanged) do
    fields[#fields + 1] = field
    fields[#fields + 1] = meta[field]
  end
  if #fields > 0 then call('HSET', ROOT .. 'meta', unpack(fields)) end
end

local function includes(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

-- JSON by hand, because cjson takes an empty list for an object.
local function jsonList(items)
  return '[' .. table.concat(items, ',') .. ']'
end

local function jsonText(value)
  return value and cjson.encode(value) or 'null'
end

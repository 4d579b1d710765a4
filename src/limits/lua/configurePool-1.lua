#!lua
-- Stores the settings where they differ from those in force, then looks at the pool's tokens anew, some at a time.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4] rpm, [5] rph, [6] concurrent, [7] consecutive uses, [8] least success rate,
-- ARGV[9] cursor: empty at first, then what the last call answered; `open`: at a start, opens limits that hold no settings yet.
-- ARGV[10] control position that the settings were read at, or empty: older ones than those in force change nothing.
-- Answers the next cursor; 0: done.
--- @include "base"
--- @include "pool"
local STEP = 250
local FIELDS = { 'rpm', 'rph', 'concurrent', 'uses', 'rate' }
local cursor = ARGV[9]
if cursor == '' or cursor == 'open' then
  if cursor == 'open' and meta.rpm then return '0' end
  -- Redis lost them: a change of settings must not let anyone through on empty windows.
  if cursor == '' and not meta.rpm then return redis.error_reply('CLOSED the limits are not open') end
  local position = number(ARGV[10])
  if position and meta.settingsAt and position < meta.settingsAt then return '0' end
  if position and position ~= meta.settingsAt then setMeta('settingsAt', position) end
  local same = true
  for i, field in ipairs(FIELDS) do
    local value = tonumber(ARGV[i + 3])
    if meta[field] ~= value then
      same = false
      setMeta(field, value)
    end
  end
  if same then
    save()
    return '0'
  end
  cursor = '0'
end
local page = call('SSCAN', ROOT .. 'tokens', cursor, 'COUNT', STEP)
for _, id in ipairs(page[2]) do
  local token = getToken(id)
  if token then place(token) end
end
save()
return page[1]

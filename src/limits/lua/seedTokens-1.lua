#!lua
-- Fills an empty home with tokens as they were in another one.
-- KEYS[1] root. ARGV[1..3] see base, then two for each token: its facts as in putTokens or empty, its state as JSON: id, tie, position,
-- sends, results, fails, cooldownUntil, halfOpen 0 or 1, epoch, lastUsedAt?, lastSeq, day, dayUsed, unsupported {model: till}, keepUntil.
-- Answers nothing.
--- @include "base"
--- @include "open"
--- @include "pool"
local FIELDS = { 'position', 'fails', 'cooldownUntil', 'halfOpen', 'epoch', 'lastUsedAt', 'lastSeq', 'day', 'dayUsed', 'keepUntil' }

local function seedToken(facts, entry)
  local token = tokenAt(entry.id, entry.tie)
  if token.restored == 1 then return end
  if facts ~= '' then putToken(cjson.decode(facts)) end
  changing(token)
  token.restored = 1
  for _, field in ipairs(FIELDS) do
    token[field] = entry[field]
  end
  addAnswered(token, entry.sends)
  for from = 1, #entry.results, 100 do
    call('RPUSH', resultsOf(token), unpack(entry.results, from, math.min(from + 99, #entry.results)))
  end
  token.attempts, token.failures = #entry.results, 0
  for _, mark in ipairs(entry.results) do
    if mark < 0 then token.failures = token.failures + 1 end
  end
  token.oldestResult = entry.results[1] and math.abs(entry.results[1]) - 1
  if next(entry.unsupported) then lackModels(token, entry.unsupported) else place(token) end
end

for i = 4, #ARGV, 2 do
  seedToken(ARGV[i], cjson.decode(ARGV[i + 1]))
end
save()
return nil

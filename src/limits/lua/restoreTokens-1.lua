#!lua
-- Takes up what the read models know of tokens, once for each: a second time would count its sends twice.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4..] one token each as JSON: TokenHistory without nulls, and `tie`. Answers nothing.
--- @include "base"
--- @include "open"
--- @include "pool"
local function restoreToken(history)
  local token = tokenAt(history.tokenId, history.tie)
  if token.restored == 1 then return end
  token.restored = 1
  changing(token)
  local sends = {}
  for i, at in ipairs(history.sends) do
    sends[i] = MONO - (WALL - at)
  end
  addAnswered(token, sends)
  local since = history.lastUsedAt and math.min(MONO, MONO - (WALL - history.lastUsedAt)) or MONO
  for _, ok in ipairs(history.results) do
    addResult(token, ok, since)
  end
  token.fails = math.max(token.fails, history.consecutiveFails)
  if history.cooldownUntil then token.cooldownUntil = math.max(token.cooldownUntil, MONO - (WALL - history.cooldownUntil)) end
  if token.fails >= 2 or token.cooldownUntil > MONO then token.halfOpen = 1 end
  if history.lastUsedAt then token.lastUsedAt = math.max(token.lastUsedAt or since, since) end
  if history.dayUsed then
    token.day = math.floor(WALL / DAY)
    token.dayUsed = math.max(token.dayUsed, history.dayUsed)
  end
  place(token)
end

for i = 4, #ARGV do
  restoreToken(cjson.decode(ARGV[i]))
end
save()
return nil

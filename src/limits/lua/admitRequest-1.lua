#!lua
-- Reserves quota, key rate and a token's slot, writes the open record. A refusal charges nothing. A repeated call hears the same.
-- KEYS[1] root. ARGV[1..3] see base, ARGV[4..] see request. Answers Admitted or Refusal as JSON; error ENDED: settled before it began.
--- @include "base"
--- @include "open"
--- @include "attempts"
--- @include "request"
--- @include "charges"
--- @include "choose"
local REFUSALS_KEPT = 8192

local function begin(request, chosen)
  local token = chosen.token
  local open = openRequest(request, token.id)
  takeSlot(token)
  place(token)
  local provider = providerOf(token.provider)
  passGate(provider)
  if token.visibility ~= 'external' then countUse(provider, token.id) end
  bindConversation(request, token)
  local answer = string.format(
    '{"ok":true,"tokenId":%s,"provider":%s,"model":%s,"decision":%s,"period":{"day":"%s","month":"%s"},"position":%.14g}',
    jsonText(token.id), jsonText(token.provider), jsonText(chosen.model), chosen.decision, open.day, open.month, meta.position or -1
  )
  saveAttempt({
    id = request.attemptId, token = token.id, request = request.requestId, provider = token.provider, model = chosen.model, run = RUN,
    epoch = token.epoch, begun = MONO, day = token.day, answer = answer,
  })
  call('SADD', leasesOf(RUN), request.attemptId)
  return answer
end

local request = readRequest()
local known = getAttempt(request.attemptId)
if known and known.answer then return known.answer end
if known then return redis.error_reply('ENDED the attempt was ended before it began') end
local refused = generationGet('refused', request.attemptId, ANSWER_KEPT)
if refused then return refused end

beat()
local answer = chargeRefusal(request)
if not answer then
  local chosen, refusal = choose(request)
  answer = chosen and begin(request, chosen) or refusal
end
if answer:sub(1, 11) ~= '{"ok":true,' then
  generationPut('refused', 'refusedAt', request.attemptId, answer, REFUSALS_KEPT, ANSWER_KEPT)
end
save()
return answer

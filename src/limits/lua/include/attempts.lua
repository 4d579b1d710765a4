--- @include "pool"
--- @include "runs"
-- An attempt's place on its token, from admission to settlement, and the answers kept for repeated calls (src/limits/slots.ts).
local ATTEMPT_FIELDS = {
  'token', 'request', 'provider', 'model', 'run', 'epoch', 'begun', 'day', 'responded', 'served', 'answer', 'settled', 'ended',
}
local ATTEMPT_NUMBERS = { 'epoch', 'begun', 'day', 'responded', 'served', 'ended' }

local function attemptKey(id)
  return ROOT .. 'attempt:' .. id
end

-- nil: unknown, or ended 60 s ago. `settled` is there once it ended; without `token` it ended before it began.
local function getAttempt(id)
  local values = call('HMGET', attemptKey(id), unpack(ATTEMPT_FIELDS))
  local attempt = { id = id }
  for i, field in ipairs(ATTEMPT_FIELDS) do
    attempt[field] = values[i] or nil
  end
  for _, field in ipairs(ATTEMPT_NUMBERS) do
    attempt[field] = number(attempt[field])
  end
  if attempt.settled and attempt.ended + ANSWER_KEPT <= MONO then return nil end
  return (attempt.token or attempt.settled) and attempt or nil
end

local function endAttempt(id, run, settled)
  if run then call('SREM', leasesOf(run), id) end
  call('HSET', attemptKey(id), 'settled', settled, 'ended', MONO)
  call('PEXPIRE', attemptKey(id), ANSWER_KEPT)
end

-- It ended before it began: an admission that comes late is refused.
local function buryAttempt(id, settled)
  call('DEL', attemptKey(id))
  endAttempt(id, nil, settled)
end

local function takeSlot(token)
  -- A ready token is not looked at when the day turns.
  rollDay(token)
  setMeta('admissions', (meta.admissions or 0) + 1)
  token.unanswered = token.unanswered + 1
  token.inFlight = token.inFlight + 1
  token.epochInFlight = token.epochInFlight + 1
  token.dayUsed = token.dayUsed + 1
  token.lastUsedAt = MONO
  token.lastSeq = meta.admissions
  changing(token)
end

local function freeSlot(token, attempt)
  token.inFlight = token.inFlight - 1
  if attempt.epoch == token.epoch then token.epochInFlight = token.epochInFlight - 1 end
  changing(token)
end

-- The upstream never saw it. Only for an attempt without headers.
local function returnSend(token, attempt)
  token.unanswered = token.unanswered - 1
  if token.day == attempt.day then token.dayUsed = token.dayUsed - 1 end
  changing(token)
end

-- The send's time in the windows starts to run, once.
local function answerAttempt(token, attempt)
  if attempt.responded then return end
  attempt.responded = MONO
  answerSend(token)
  changing(token)
end

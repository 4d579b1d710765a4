--- @include "pool"
--- @include "runs"
-- An attempt's place on its token, from admission to settlement, and the answers kept for repeated calls (src/limits/slots.ts).
local getAttempt, saveAttempt, endAttempt, buryAttempt, takeSlot, freeSlot, returnSend, answerAttempt
(function()
  local ATTEMPT_FIELDS = {
    'token', 'request', 'provider', 'model', 'run', 'epoch', 'begun', 'day', 'responded', 'served', 'answer', 'settled', 'ended',
  }

  local function attemptKey(id)
    return ROOT .. 'attempt:' .. id
  end

  -- nil: unknown, or ended 60 s ago. `settled` is there once it ended; without `token` it ended before it began.
  function getAttempt(id)
    local attempt = readRecord(attemptKey(id), ATTEMPT_FIELDS)
    if not attempt or (attempt.settled and attempt.ended + ANSWER_KEPT <= MONO) then return nil end
    attempt.id = id
    return attempt
  end

  function saveAttempt(attempt)
    call('SET', attemptKey(attempt.id), pack(attempt, ATTEMPT_FIELDS))
  end

  function endAttempt(attempt, settled)
    if attempt.run then call('SREM', leasesOf(attempt.run), attempt.id) end
    attempt.settled, attempt.ended = settled, MONO
    call('SET', attemptKey(attempt.id), pack(attempt, ATTEMPT_FIELDS), 'PX', ANSWER_KEPT)
  end

  -- It ended before it began: an admission that comes late is refused.
  function buryAttempt(id, settled)
    endAttempt({ id = id }, settled)
  end

  function takeSlot(token)
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

  function freeSlot(token, attempt)
    token.inFlight = token.inFlight - 1
    if attempt.epoch == token.epoch then token.epochInFlight = token.epochInFlight - 1 end
    changing(token)
  end

  -- The upstream never saw it. Only for an attempt without headers.
  function returnSend(token, attempt)
    token.unanswered = token.unanswered - 1
    if token.day == attempt.day then token.dayUsed = token.dayUsed - 1 end
    changing(token)
  end

  -- The send's time in the windows starts to run, once.
  function answerAttempt(token, attempt)
    if attempt.responded then return end
    attempt.responded = MONO
    answerSend(token)
    changing(token)
  end
end)()

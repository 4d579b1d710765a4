-- The sends of one token (src/limits/window.ts): a list of the times of headers or failure, rising; `unanswered` count without end.
-- Of the list the token knows its length (`sent`), its first time (`oldest`), where the minute begins (`minuteHead`, `minuteOldest`).
local sendsOf, trimWindow, minuteCount, hourCount, answerSend, addAnswered, minuteFreeAt, hourFreeAt
(function()
  local CHUNK = 128

  function sendsOf(token)
    return ROOT .. 'sends:' .. token.id
  end

  -- How many times from `index` on are not after `moment`, and the first that is.
  local function countUntil(key, index, moment)
    local count = 0
    while true do
      local times = call('LRANGE', key, index + count, index + count + CHUNK - 1)
      for _, at in ipairs(times) do
        if tonumber(at) > moment then return count, tonumber(at) end
        count = count + 1
      end
      if #times < CHUNK then return count, nil end
    end
  end

  function trimWindow(token)
    local hour, minute = MONO - HOUR - MARGIN, MONO - MINUTE - MARGIN
    if token.oldest and token.oldest <= hour then
      local gone, first = countUntil(sendsOf(token), 0, hour)
      call('LPOP', sendsOf(token), gone)
      token.sent = token.sent - gone
      token.oldest = first
      if gone > token.minuteHead then token.minuteOldest = first end
      token.minuteHead = math.max(0, token.minuteHead - gone)
    end
    if token.minuteOldest and token.minuteOldest <= minute then
      local gone, first = countUntil(sendsOf(token), token.minuteHead, minute)
      token.minuteHead = token.minuteHead + gone
      token.minuteOldest = first
    end
  end

  -- Both: trim first.
  function minuteCount(token)
    return token.unanswered + token.sent - token.minuteHead
  end

  function hourCount(token)
    return token.unanswered + token.sent
  end

  function answerSend(token)
    token.unanswered = token.unanswered - 1
    call('RPUSH', sendsOf(token), MONO)
    token.sent = token.sent + 1
    token.oldest = token.oldest or MONO
    token.minuteOldest = token.minuteOldest or MONO
  end

  -- Adds sends of an earlier life, in any order.
  function addAnswered(token, times)
    local all = {}
    for _, at in ipairs(call('LRANGE', sendsOf(token), 0, -1)) do
      all[#all + 1] = tonumber(at)
    end
    for _, at in ipairs(times) do
      all[#all + 1] = math.min(at, MONO)
    end
    table.sort(all)
    call('DEL', sendsOf(token))
    for from = 1, #all, 1000 do
      call('RPUSH', sendsOf(token), unpack(all, from, math.min(from + 999, #all)))
    end
    token.sent, token.oldest, token.minuteHead, token.minuteOldest = #all, all[1], 0, all[1]
    trimWindow(token)
  end

  local function windowFreeAt(token, head, limit, length)
    local excess = token.unanswered + token.sent - head - limit
    if excess < 0 then return MONO end
    local last = head + excess < token.sent and number(call('LINDEX', sendsOf(token), head + excess)) or MONO
    return last + length
  end

  function minuteFreeAt(token)
    return windowFreeAt(token, token.minuteHead, meta.rpm, MINUTE + MARGIN)
  end

  function hourFreeAt(token)
    return windowFreeAt(token, 0, meta.rph, HOUR + MARGIN)
  end
end)()

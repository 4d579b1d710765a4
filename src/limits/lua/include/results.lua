-- The last 100 results of a token within 24 h (src/limits/results.ts): a list of ms + 1, negative for a failure, oldest first.
local resultsOf, addResult, trimResults
(function()
  local RESULTS_KEPT = 100

  function resultsOf(token)
    return ROOT .. 'results:' .. token.id
  end

  function addResult(token, ok, at)
    local mark = ok and at + 1 or -(at + 1)
    call('RPUSH', resultsOf(token), mark)
    token.attempts = token.attempts + 1
    if not ok then token.failures = token.failures + 1 end
    token.oldestResult = token.oldestResult or at
    if token.attempts <= RESULTS_KEPT then return end
    if tonumber(call('LPOP', resultsOf(token))) < 0 then token.failures = token.failures - 1 end
    token.attempts = token.attempts - 1
    token.oldestResult = math.abs(tonumber(call('LINDEX', resultsOf(token), 0))) - 1
  end

  function trimResults(token)
    if not token.oldestResult or token.oldestResult > MONO - DAY then return end
    local gone = 0
    token.oldestResult = nil
    for _, mark in ipairs(call('LRANGE', resultsOf(token), 0, -1)) do
      local value = tonumber(mark)
      if math.abs(value) - 1 > MONO - DAY then
        token.oldestResult = math.abs(value) - 1
        break
      end
      gone = gone + 1
      if value < 0 then token.failures = token.failures - 1 end
    end
    call('LPOP', resultsOf(token), gone)
    token.attempts = token.attempts - gone
  end
end)()

-- The request of admitRequest and peekRequest: fixed arguments from ARGV[4] on, then targets and tried tokens, each with its number before it.
local function readRequest()
  local request = {
    attemptId = ARGV[4], requestId = ARGV[5], terminalEventId = ARGV[6], attempt = ARGV[7], userId = ARGV[8], keyId = ARGV[9],
    metered = ARGV[10] ~= '', daily = number(ARGV[10]), monthly = number(ARGV[11]), keyRpm = number(ARGV[12]),
    onlyTokenId = ARGV[13] ~= '' and ARGV[13] or nil, ownOnly = ARGV[14] == '1', talk = ARGV[15] ~= '' and ARGV[15] or nil,
    facts = ARGV[16], targets = {}, exclude = {},
  }
  local at = 17
  for i = 1, tonumber(ARGV[at]) do
    request.targets[i] = { provider = ARGV[at + 2 * i - 1], model = ARGV[at + 2 * i] }
  end
  at = at + 2 * #request.targets + 1
  for i = 1, tonumber(ARGV[at]) do
    request.exclude[i] = ARGV[at + i]
  end
  return request
end

-- Life signs: `runs` is run -> time of its last sign, `since` is run -> begin of its unbroken row of signs.
local DEAD_AFTER = 15000

local function beat()
  local before = number(call('ZSCORE', ROOT .. 'runs', RUN))
  call('ZADD', ROOT .. 'runs', MONO, RUN)
  if before and MONO - before <= DEAD_AFTER then return end
  call('HSET', ROOT .. 'since', RUN, MONO)
end

local function leasesOf(run)
  return ROOT .. 'run:' .. run .. ':leases'
end

local function openOf(run)
  return ROOT .. 'run:' .. run .. ':open'
end

-- Records of dead runs that this run is to end.
local function leftOf(run)
  return ROOT .. 'run:' .. run .. ':left'
end

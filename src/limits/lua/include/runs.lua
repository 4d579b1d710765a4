-- Life signs: `runs` is run -> time of its last sign, `since` is run -> begin of its unbroken row of signs.
local beat, leasesOf, openOf, leftOf, DEAD_AFTER
(function()
  DEAD_AFTER = 15000

  function beat()
    local before = number(call('ZSCORE', ROOT .. 'runs', RUN))
    call('ZADD', ROOT .. 'runs', MONO, RUN)
    if before and MONO - before <= DEAD_AFTER then return end
    call('HSET', ROOT .. 'since', RUN, MONO)
  end

  function leasesOf(run)
    return ROOT .. 'run:' .. run .. ':leases'
  end

  function openOf(run)
    return ROOT .. 'run:' .. run .. ':open'
  end

  -- Records of dead runs that this run is to end.
  function leftOf(run)
    return ROOT .. 'run:' .. run .. ':left'
  end
end)()

-- Life signs: `runs` is run -> time of its last sign, `since` is run -> begin of its unbroken row of signs.
local beat, knowRun, leasesOf, openOf, leftOf, DEAD_AFTER
(function()
  DEAD_AFTER = 15000

  function beat()
    local before = number(call('ZSCORE', ROOT .. 'runs', RUN))
    call('ZADD', ROOT .. 'runs', MONO, RUN)
    -- A sign from the future: the server's clock stepped back, and a new row begins.
    if before and before <= MONO and MONO - before <= DEAD_AFTER then return end
    call('HSET', ROOT .. 'since', RUN, MONO)
  end

  -- A run of another home that may never give a sign here.
  function knowRun(run)
    call('ZADD', ROOT .. 'runs', 'NX', MONO, run)
    call('HSETNX', ROOT .. 'since', run, MONO)
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

-- Limits without settings were never opened, or Redis lost them: nobody is let through on empty windows.
if not meta.rpm then
  return redis.error_reply('CLOSED the limits are not open')
end

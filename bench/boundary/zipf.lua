-- Asks for the paths of a file, one after the other, and ends with the answer to the last one.
local paths, asked, answered = {}, 0, 0

init = function(args)
  for line in io.lines(args[1]) do paths[#paths + 1] = line end
end

-- Connections ask ahead: the few beyond the end repeat the last path.
request = function()
  asked = math.min(asked + 1, #paths)
  return wrk.format('GET', paths[asked])
end

response = function()
  answered = answered + 1
  if answered ~= #paths then return end
  wrk.thread:stop()
  -- The program itself sleeps on: whoever reads this interrupts it.
  io.write('all answered\n')
  io.flush()
end

done = function(summary, latency)
  local e = summary.errors
  local failures = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('\n{"requests":%d,"failures":%d,"meanUs":%d,"p50Us":%d,"p99Us":%d}\n',
    summary.requests, failures, latency.mean, latency:percentile(50), latency:percentile(99)))
end

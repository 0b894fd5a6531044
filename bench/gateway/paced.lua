-- The result as one line of JSON, behind what wrk prints for people.
done = function(summary, latency, requests)
  local e = summary.errors
  local failures = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('\n{"requests":%d,"tookUs":%d,"failures":%d,"p50Us":%d,"p99Us":%d}\n',
    summary.requests, summary.duration, failures, latency:percentile(50), latency:percentile(99)))
end

delay = function()
  return math.random(12, 28)
end

"""prometheus.py URL   reads metrics as Prometheus does, and prints the samples as JSON: `NAME{LABEL=VALUE,…}` to number.

`undescribed` is the number of families without a help text.
"""
import json
import sys
import urllib.request

import prometheus_client.parser

with urllib.request.urlopen(sys.argv[1]) as response:
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4"), response.headers
    families = list(prometheus_client.parser.text_string_to_metric_families(response.read().decode("utf-8")))

samples = {"undescribed": sum(not family.documentation for family in families)}
for family in families:
    assert family.type in {"counter", "gauge", "histogram"}, family
    for sample in family.samples:
        labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
        key = f"{sample.name}{{{labels}}}"
        assert key not in samples, key
        samples[key] = float(sample.value)
print(json.dumps(samples))

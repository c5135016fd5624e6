"""What /metrics says, read by the parser of Prometheus."""

from prometheus_client.parser import text_string_to_metric_families


def figures(client):
    """Everything under /metrics: (name, labels) -> value."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def figure(client, name, **labels):
    return figures(client).get((name, frozenset(labels.items())), 0.0)

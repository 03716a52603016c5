"""The test bed itself: what the other tests take for granted of it."""

from tests.e2e.cluster import cluster, shape


def test_every_node_is_ready_in_its_region_and_zone(kubernetes: cluster.Cluster) -> None:
    found = {
        node["metadata"]["name"]: node["metadata"]["labels"]
        for node in kubernetes.kubectl.items("nodes", namespace=None)
    }
    for node in shape.NODES:
        assert found[node.name]["topology.kubernetes.io/region"] == node.region
        assert found[node.name]["topology.kubernetes.io/zone"] == node.zone
        assert kubernetes.nodes[node.name].is_ready()


def test_a_node_joins_and_leaves(kubernetes: cluster.Cluster) -> None:
    with kubernetes.another_node(shape.EXTRA_NODE) as added:
        assert added.is_ready()
    assert kubernetes.kubectl.get("node", added.name) is None


def test_the_api_server_comes_back_with_all_it_knew(kubernetes: cluster.Cluster) -> None:
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}
    kubernetes.kubectl.apply(made)
    with kubernetes.without_api_server():
        pass
    assert kubernetes.kubectl.get("configmap", "kept") is not None
    kubernetes.kubectl.delete("configmap", "kept")

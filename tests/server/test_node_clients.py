"""Clients of npm, unmodified: in node, and in a browser."""

import contextlib
import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coterie.live.log import Reader
from coterie.live.message import Message
from tests.conftest import missing
from tests.server.serving import Service, now_key, serving
from tests.server.test_clients import said

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).resolve().parents[2] / "build" / "node"
SENDS = """
const { Analytics } = require('@segment/analytics-node');
const [host, writeKey] = process.argv.slice(2);
const client = new Analytics({ writeKey, host, path: '/v1/batch', flushAt: 3 });
client.on('error', (e) => { console.error(e); process.exitCode = 1; });
client.identify({ userId: 'u1', traits: { plan: 'pro' } });
const timestamp = new Date('2026-01-02T03:04:05.678Z');
client.track({ userId: 'u1', event: 'Order Completed', properties: { revenue: 12.5 }, timestamp });
client.page({ userId: 'u1', name: 'Start' });
client.screen({ userId: 'u1', name: 'Home' });
client.group({ userId: 'u1', groupId: 'g1', traits: { name: 'Müller & Söhne 😀' } });
client.alias({ userId: 'u1', previousId: 'a1' });
client.closeAndFlush().then(() => console.log('done'));
"""
PAGE = """<!doctype html><title>shop</title><script src="/index.js"></script><script>
const analytics = AnalyticsNext.AnalyticsBrowser.load({
  writeKey: '%(key)s',
  cdnSettings: { integrations: { 'Segment.io': {
    apiKey: '%(key)s', apiHost: '127.0.0.1:%(port)s/v1', protocol: 'http'%(more)s } } },
});
async function all() {
  await analytics.page('Docs', 'Start', { price: 1.5 });
  await analytics.track('Order Completed', { revenue: 12.5 });
  await analytics.identify('u1', { plan: 'pro' });
  await analytics.group('g1', { name: 'Co' });
  await analytics.alias('u2', 'u1');
  await analytics.screen('Home');
  document.title = 'sent';
}
all();
</script>"""

POSTHOG_NODE = """
const { PostHog } = require('posthog-node');
const [host, key] = process.argv.slice(2);
const client = new PostHog(key, { host, flushAt: 3, flushInterval: 100 });
client.on('error', (e) => { console.error(e); process.exitCode = 1; });
client.identify({ distinctId: 'u1', properties: { plan: 'pro' } });
const timestamp = new Date('2026-01-02T03:04:05.678Z');
client.capture({ distinctId: 'u1', event: 'Order Completed', properties: { revenue: 12.5 }, timestamp });
client.capture({ distinctId: 'u1', event: '$pageview', properties: { title: 'Start', $current_url: 'https://shop.example/' } });
client.capture({ distinctId: 'u1', event: '$screen', properties: { $screen_name: 'Home' } });
client.groupIdentify({ groupType: 'company', groupKey: 'g1', properties: { name: 'Müller & Söhne 😀' }, distinctId: 'u1' });
client.alias({ distinctId: 'u1', alias: 'a1' });
client.shutdown().then(() => console.log('done'));
"""
POSTHOG_PAGE = """<!doctype html><title>shop</title><script type="module">
import posthog from '/module.no-external.js';
posthog.init('%(key)s', {
  api_host: 'http://127.0.0.1:%(port)s', opt_out_useragent_filter: true, autocapture: false, capture_pageview: false,
  capture_pageleave: false%(more)s,
  loaded: () => {
    posthog.capture('$pageview', { title: 'Start' });
    posthog.capture('Order Completed', { revenue: 12.5 });
    posthog.identify('u1', { plan: 'pro' });
    posthog.setPersonProperties({ plan: 'max' });
    posthog.group('company', 'g1', { name: 'Co' });
    posthog.alias('u2');
    posthog.capture('$screen', { $screen_name: 'Home' });
    document.title = 'sent';
  },
});
</script>"""
RUDDER_PAGE = """<!doctype html><title>shop</title><script src="/index.js"></script><script>
const client = new rudderanalytics.RudderAnalytics();
client.load('%(key)s', 'http://127.0.0.1:%(port)s', {
  getSourceConfig: () => ({ source: { id: 's1', name: 'shop', writeKey: '%(key)s', enabled: true, workspaceId: 'w1',
    config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
    connections: [], destinations: [], dataplanes: {} } }),
  integrations: { All: true }, plugins: [%(more)s],
});
client.ready(() => {});
client.page('Docs', 'Start', { price: 1.5 });
client.track('Order Completed', { revenue: 12.5 });
client.identify('u1', { plan: 'pro' });
client.group('g1', { name: 'Co' });
client.alias('u2', 'u1');
document.title = 'sent';
</script>"""


@pytest.fixture(scope="module")
def clients() -> Path:
    names = ("@segment/analytics-next", "@rudderstack/analytics-js", "posthog-node", "posthog-js")
    if shutil.which("node") is None or not all((HERE / "node_modules" / name).exists() for name in names):
        missing("the clients of npm are not here: scripts/node_clients installs them")
    return HERE / "node_modules"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "live", key=now_key(tmp_path / "live")) as running:
        yield running


def arrived(service: Service, count: int) -> list[Message]:
    with Reader(service.folder) as reader:
        for _ in range(200):
            if reader.position >= count:
                break
            threading.Event().wait(0.05)
        assert not reader.quarantine()
        return [event.message for event in reader.read(0, 1000)]


def in_node(service: Service, clients: Path, folder: Path, program: str) -> None:
    """Run a program that sends to a service with a client of npm, and says so when all is sent."""
    (folder / "node_modules").symlink_to(clients)
    (folder / "sends.cjs").write_text(program)
    command = ["node", "sends.cjs", service.address, service.key]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.stdout == "done\n", done.stderr


def test_segment_for_node(service: Service, clients: Path, tmp_path: Path) -> None:
    in_node(service, clients, tmp_path, SENDS)
    found = arrived(service, 6)
    assert [m[:2] for m in said(found)] == [
        ("alias", ""),
        ("group", ""),
        ("identify", ""),
        ("page", "Start"),
        ("screen", "Home"),
        ("track", "Order Completed"),
    ]
    assert all(m.user == "u1" and m.id.startswith("node-next-") for m in found)
    assert next(m for m in found if m.type == "group").properties == {"name": "Müller & Söhne 😀"}


def test_posthog_for_node(service: Service, clients: Path, tmp_path: Path) -> None:
    in_node(service, clients, tmp_path, POSTHOG_NODE)
    found = arrived(service, 6)
    assert [m[:2] for m in said(found)] == [
        ("alias", ""),
        ("group", ""),
        ("identify", ""),
        ("page", "Start"),
        ("screen", "Home"),
        ("track", "Order Completed"),
    ]
    by = {m.type: m for m in found}
    assert (by["track"].user, by["track"].properties["revenue"]) == ("u1", 12.5)
    assert (by["alias"].user, by["alias"].previous, by["group"].group) == ("u1", "a1", "g1")
    assert by["group"].properties["name"] == "Müller & Söhne 😀"
    assert by["identify"].properties["plan"] == "pro"


@contextlib.contextmanager
def visited(service: Service, browser: "Browser", site: Path, page: str, more: str) -> Iterator[None]:
    """A page that sends, in a browser, until it says that it has."""
    (site / "index.html").write_text(page % {"key": service.key, "port": service.port, "more": more})
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab = browser.new_page()
        try:
            tab.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            tab.wait_for_function("document.title === 'sent'", timeout=30_000)
            yield
        finally:
            tab.close()
            server.shutdown()


@pytest.mark.browser
@pytest.mark.parametrize("more", ["", ", deliveryStrategy: { strategy: 'batching', config: { size: 3, timeout: 200 } }"])
def test_segment_in_a_browser(service: Service, clients: Path, browser: "Browser", tmp_path: Path, more: str) -> None:
    site = tmp_path / "site"
    shutil.copytree(clients / "@segment" / "analytics-next" / "dist" / "umd", site)
    with visited(service, browser, site, PAGE, more):
        found = arrived(service, 6)
    assert [m.type for m in sorted(found, key=lambda m: m.type)] == ["alias", "group", "identify", "page", "screen", "track"]
    assert len({m.anonymous for m in found if m.anonymous}) == 1
    start = next(m for m in found if m.type == "page")
    assert (start.name, start.properties["price"], start.properties["category"]) == ("Start", 1.5, "Docs")
    assert next(m for m in found if m.type == "alias").previous == "u1"


@pytest.mark.browser
@pytest.mark.parametrize("more", ["", ", request_batching: false", ", disable_compression: true"])
def test_posthog_in_a_browser(service: Service, clients: Path, browser: "Browser", tmp_path: Path, more: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(clients / "posthog-js" / "dist" / "module.no-external.js", site)
    with visited(service, browser, site, POSTHOG_PAGE, more):
        found = arrived(service, 7)
    assert sorted(m.type for m in found) == ["alias", "group", "identify", "identify", "page", "screen", "track"]
    order = next(m for m in found if m.name == "Order Completed")
    known = next(m for m in found if m.type == "identify" and m.properties.get("plan") == "pro")
    assert (order.user, order.properties["revenue"]) == (None, 12.5)
    assert (known.user, known.anonymous) == ("u1", order.anonymous)
    assert any(m.type == "identify" and m.properties.get("plan") == "max" for m in found)
    assert next(m for m in found if m.type == "group").properties["name"] == "Co"
    assert next(m for m in found if m.type == "alias").previous == "u2"


@pytest.mark.browser
@pytest.mark.parametrize("more", ["", "'XhrQueue'"])
def test_rudderstack_in_a_browser(service: Service, clients: Path, browser: "Browser", tmp_path: Path, more: str) -> None:
    site = tmp_path / "site"
    shutil.copytree(clients / "@rudderstack" / "analytics-js" / "dist" / "npm" / "modern" / "bundled" / "umd", site)
    with visited(service, browser, site, RUDDER_PAGE, more):
        found = arrived(service, 5)
    assert sorted(m.type for m in found) == ["alias", "group", "identify", "page", "track"]
    assert len({m.anonymous for m in found if m.anonymous}) == 1
    by = {m.type: m for m in found}
    assert (by["page"].name, by["page"].properties["price"]) == ("Start", 1.5)
    assert (by["identify"].user, by["identify"].properties) == ("u1", {"plan": "pro"})
    assert (by["group"].group, by["alias"].user, by["alias"].previous) == ("g1", "u2", "u1")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

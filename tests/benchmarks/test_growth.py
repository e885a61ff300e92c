from pathlib import Path

from benchmarks import growth
from benchmarks.growth import Curve, Point
from scripts.serving import properties
from scripts.spread import Spread


def test_a_curve_has_its_throughput_and_tail_in_the_figure(tmp_path: Path) -> None:
    spread = Spread(2.0, 1.0, 3.0, 3)
    curves = [Curve(axis, (Point(1, spread, spread, spread, 0),)) for axis in ("connections", "batch")]
    growth.draw(curves, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
    assert curves[0].as_json()["points"][0]["rate"]["median"] == 2.0


def test_the_server_reads_the_workers_and_the_batch_of_a_curve(tmp_path: Path) -> None:
    path = tmp_path / "config.properties"
    path.write_text(growth._files(workers=2, batch=4).config)
    settings = properties.read(path, cores=2).version("mobilenet_v3", "2.0")
    assert (settings.min_workers, settings.max_workers, settings.batch_size) == (2, 2, 4)


def test_views_are_jpegs_of_the_wanted_size() -> None:
    view = next(growth._views(64, 48))
    assert view.startswith(b"\xff\xd8")

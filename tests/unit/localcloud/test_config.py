import pytest

from localcloud import config


def test_a_folder_keeps_its_secret_and_no_two_share_one(tmp_path):
    first = config.load(tmp_path / "a", 4600)
    assert config.load(tmp_path / "a", 4601).secret_access_key == first.secret_access_key
    assert config.load(tmp_path / "b", 4600).secret_access_key != first.secret_access_key


def test_the_endpoint_is_an_address(tmp_path):
    assert config.load(tmp_path, 4600).endpoint_url == "http://127.0.0.1:4600"


def test_a_folder_may_say_how_long_stopped_jobs_have(tmp_path):
    assert config.load(tmp_path, 4600).stop_grace_seconds == 120
    (tmp_path / "settings.json").write_text('{"stop_grace_seconds": 1.5}')
    assert config.load(tmp_path, 4600).stop_grace_seconds == 1.5
    assert config.load(tmp_path, 4600).preloaded_environments == 3


@pytest.mark.parametrize("text", ['{"grace": 1}', "[]", '{"stop_grace_seconds": "1"}', '{"stop_grace_seconds": -1}'])
def test_other_settings_are_refused_and_the_file_is_named(tmp_path, text):
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(ValueError, match=r"settings\.json"):
        config.load(tmp_path, 4600)

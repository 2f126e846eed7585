from localcloud import config


def test_a_folder_keeps_its_secret_and_no_two_share_one(tmp_path):
    first = config.load(tmp_path / "a", 4600)
    assert config.load(tmp_path / "a", 4601).secret_access_key == first.secret_access_key
    assert config.load(tmp_path / "b", 4600).secret_access_key != first.secret_access_key


def test_the_endpoint_is_an_address(tmp_path):
    assert config.load(tmp_path, 4600).endpoint_url == "http://127.0.0.1:4600"

import pytest

from kfusion.cli.main import main


@pytest.mark.parametrize(
    ("words", "login", "said"),
    [
        (["--host", "0.0.0.0"], "", "0.0.0.0 can be reached from other machines: set KFUSION_LOGIN"),
        (["--host", "192.168.1.2"], "name", "KFUSION_LOGIN is not NAME:PASSWORD"),
        (["--host", "192.168.1.2", "--port", "-1"], "name:password", "--port is -1: use 0 to 65535"),
        (["--host", "::1", "--port", "70000"], "", "--port is 70000: use 0 to 65535"),
        (["--longest-s", "0"], "", "--longest-s is 0: use a number above 0"),
    ],
)
def test_the_app_is_open_to_this_machine_alone_without_a_login(monkeypatch, capsys, words, login, said) -> None:
    monkeypatch.setenv("KFUSION_LOGIN", login)
    assert main(["app", *words]) == 2
    assert said in capsys.readouterr().err

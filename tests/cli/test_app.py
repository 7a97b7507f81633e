import pytest

from kfusion.cli.main import main


@pytest.mark.parametrize(
    ("words", "login", "said"),
    [
        (["--host", "0.0.0.0"], "", "0.0.0.0 can be reached from other machines: set KFUSION_LOGIN"),
        (["--host", "192.168.1.2"], "name", "KFUSION_LOGIN is not NAME:PASSWORD"),
        ([], ":", None),
        (["--port", "70000"], "", "--port is 70000"),
        (["--longest-s", "0"], "", "--longest-s is 0"),
    ],
)
def test_the_app_is_open_to_this_machine_alone_without_a_login(monkeypatch, capsys, words, login, said) -> None:
    monkeypatch.setenv("KFUSION_LOGIN", login)
    monkeypatch.setattr("kfusion.inference.generator.load", stop)
    if said is None:
        with pytest.raises(LoadedError):
            main(["app", *words])
        return
    assert main(["app", *words]) == 2
    assert said in capsys.readouterr().err


class LoadedError(Exception):
    pass


def stop(*_: object) -> None:
    raise LoadedError

"""Programs through the engine and the language host."""

from tests.conformance.cli import PROJECT, STACK, Cli


def test_outputs_reach_the_state_and_secret_ones_stay_secret(cli: Cli) -> None:
    cli.program(
        """
        import pulumi

        pulumi.export("plain", {"a": [1, True, None]})
        pulumi.export("hidden", pulumi.Output.secret("hush"))
        """
    )
    cli.up()

    assert cli.outputs() == {"plain": {"a": [1, True, None]}, "hidden": "[secret]"}
    assert cli.outputs(show_secrets=True)["hidden"] == "hush"
    assert "hush" not in cli.ok("stack", "export").text


def test_preview_then_up_then_no_change(cli: Cli) -> None:
    cli.program(
        """
        import pulumi

        class Part(pulumi.ComponentResource):
            def __init__(self, name):
                super().__init__("demo:index:Part", name)
                self.register_outputs({"named": name})

        Part("one")
        """
    )
    preview = cli.json("preview")
    assert [step["op"] for step in preview["steps"]] == ["create", "create"]
    assert cli.resources() == []

    cli.up()

    assert [r["type"] for r in cli.resources()] == ["pulumi:pulumi:Stack", "demo:index:Part"]
    cli.ok("preview", "--expect-no-changes")
    assert cli.ok("destroy", "--yes", "--skip-preview").code == 0
    assert cli.resources() == []


def test_a_program_sees_its_stack_and_config(cli: Cli) -> None:
    cli.program(
        """
        import os, sys, pulumi

        config = pulumi.Config()
        pulumi.export("where", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization()])
        pulumi.export("plain", config.require_object("plain"))
        pulumi.export("secret", config.get("hidden"))
        pulumi.export("is_secret", pulumi.runtime.is_config_secret("demo:hidden"))
        pulumi.export("dry_run", pulumi.runtime.is_dry_run())
        pulumi.export("folder", os.getcwd())
        pulumi.export("path", [sys.prefix, os.environ["VIRTUAL_ENV"], os.environ["PATH"].split(":")[0]])
        pulumi.export("host_leaks", [n for n in ("PYTHONPATH",) if n in os.environ])
        """
    )
    cli.ok("config", "set", "--path", "plain.list[0]", "17")
    cli.ok("config", "set", "--secret", "hidden", "hush")
    cli.up()

    outputs = cli.outputs(show_secrets=True)
    assert outputs["where"] == [PROJECT, STACK, "organization"]
    assert outputs["plain"] == {"list": [17]}
    assert (outputs["secret"], outputs["is_secret"]) == ("hush", True)
    assert outputs["dry_run"] is False
    assert outputs["folder"] == str(cli.folder)
    prefix, virtualenv, first = outputs["path"]
    assert (virtualenv, first) == (prefix, f"{prefix}/bin")
    assert outputs["host_leaks"] == []


def test_a_program_that_raises_shows_its_own_traceback_only(cli: Cli) -> None:
    cli.program(
        """
        def inner():
            raise ValueError("that went wrong")

        inner()
        """
    )
    result = cli.run("up", "--yes", "--skip-preview")

    assert result.code != 0
    assert "error: Program failed with an unhandled exception:" in result.text
    assert "ValueError: that went wrong" in result.text
    assert "in inner" in result.text
    assert "python_host" not in result.text.replace("bin/pulumi-language-python", "")
    assert "runpy" not in result.text


def test_a_program_that_exits_says_its_code(cli: Cli) -> None:
    cli.program("import sys; print('before'); sys.exit(7)")
    result = cli.run("preview")

    assert result.code != 0
    assert "before" in result.text
    assert "program exited with non-zero exit code: 7" in result.text


def test_a_program_killed_by_a_signal_says_which(cli: Cli) -> None:
    cli.program("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    result = cli.run("preview")

    assert result.code != 0
    assert "program was ended by signal SIGSEGV" in result.text


def test_exit_zero_is_no_failure(cli: Cli) -> None:
    cli.program("import sys; sys.exit(0)")
    assert cli.run("preview").code == 0


def test_modules_beside_the_program_do_not_reach_the_host(cli: Cli) -> None:
    cli.write("grpc.py", "raise SystemExit('taken for the host')")
    cli.write("sandbox/__init__.py", "raise SystemExit('taken for the host')")
    assert cli.json("about")["runtime"]["language"] == "python"


def test_a_missing_program_is_named(cli: Cli) -> None:
    (cli.folder / "__main__.py").unlink()
    result = cli.run("preview")

    assert result.code != 0
    assert "__main__.py" in result.text


def test_the_program_folder_of_the_project_file(cli: Cli) -> None:
    text = (cli.folder / "Pulumi.yaml").read_text()
    cli.write("Pulumi.yaml", text + "main: src\n")
    cli.write("src/__main__.py", "import pulumi, helper; pulumi.export('a', helper.A)")
    cli.write("src/helper.py", "A = 1")
    cli.up()

    assert cli.outputs() == {"a": 1}


def test_a_background_process_of_a_program_does_not_hold_up_the_engine(cli: Cli) -> None:
    cli.program(
        """
        import subprocess, pulumi

        pulumi.export("pid", subprocess.Popen(["sleep", "600"]).pid)
        """
    )
    cli.up()

    assert cli.outputs()["pid"] > 0

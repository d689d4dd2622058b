"""The faults that a service of events meets, each with the tests that meet it here, or why none does.

The numbers are those of the project's list of faults: F01 to F15 are of the disk and of recovery, F16 to F32 of delivery and order,
F50 to F59 of hostile input, F60 to F82 of security and privacy. `LEFT` says what is not tried yet.
"""

COVERED: dict[str, tuple[str, tuple[str, ...]]] = {
    "F01": ("killed while it takes events", ("faults/test_F01_kill.py", "faults/test_F01_memberships.py")),
    "F02": ("ids kept apart from events", ("faults/test_F01_kill.py::test_a_kill_at_every_point",)),
    "F03": ("power is lost", ("faults/test_F03_power.py",)),
    "F04": ("a torn or changed write-ahead file", ("faults/test_F04_damage.py",)),
    "F05": (
        "the disk is full",
        ("faults/test_F06_disk.py", "live/test_reserve.py"),
    ),
    "F06": (
        "the n-th call fails",
        (
            "faults/test_F06_disk.py::test_a_failure_at_every_call",
            "faults/test_F06_disk.py::test_the_first_failed_sync_ends_the_writer",
        ),
    ),
    "F07": ("an SQLite that loses commits", ("live/test_log.py::test_an_sqlite_that_loses_commits_is_told_of",)),
    "F08": ("two processes, or a network's disk", ("faults/test_F08_two.py::test_one_of_two_serves", "live/test_volume.py")),
    "F09": (
        "a reader keeps the write-ahead file long",
        ("faults/test_F14_recovery.py::test_a_long_reader_ends_and_the_file_is_short_again",),
    ),
    "F10": ("a newer file", ("live/test_log.py::test_a_newer_format_is_refused",)),
    "F11": (
        "backups",
        (
            "live/test_log.py::test_a_backup_while_it_is_written_comes_back",
            "live/test_log.py::test_a_backup_with_a_changed_byte_is_refused",
        ),
    ),
    "F12": ("a stop under load", ("faults/test_F08_two.py::test_a_stop_under_load_answers_everybody",)),
    "F13": (
        "readiness that lies",
        (
            "faults/test_F06_disk.py::test_little_room_is_no_room",
            "server/test_clients.py::test_it_stops_when_asked_and_is_ready_before",
        ),
    ),
    "F14": ("recovery takes memory", ("faults/test_F14_recovery.py",)),
    "F15": ("bytes change at rest", ("faults/test_F04_damage.py::test_a_changed_byte_at_rest_is_named", "live/test_audit.py")),
    "F16": ("one id many times", ("faults/test_F16_twice.py::test_many_send_the_same",)),
    "F17": (
        "one id, several messages",
        (
            "live/test_log.py::test_another_message_of_the_same_id_is_a_conflict",
            "live/test_log.py::test_an_id_belongs_to_its_source",
        ),
    ),
    "F18": ("the same long after", ("live/test_log.py::test_also_long_after",)),
    "F19": ("no id", ("server/test_clients.py::test_an_idempotency_key_names_what_has_no_id",)),
    "F20": ("the answer is lost", ("faults/test_F01_kill.py::test_a_kill_at_every_point",)),
    "F21": ("a batch that is bad in part", ("faults/test_F16_twice.py::test_every_item_has_one_outcome",)),
    "F22": ("taken and not kept", ("faults/test_F16_twice.py::test_every_item_has_one_outcome",)),
    "F23": ("an event that cannot be applied", ("live/test_log.py::test_every_event_is_applied_once_and_poison_is_set_aside",)),
    "F24": ("more than can be taken", ("faults/test_F16_twice.py::test_more_than_can_be_taken_is_told_to_come_again",)),
    "F25": ("slow and broken clients", ("faults/test_F25_slow.py",)),
    "F26": ("any order, late", ("live/test_people.py",)),
    "F27": ("clocks", ("faults/test_F27_clock.py", "live/test_message.py::test_the_clock_of_the_client_does_not_count")),
    "F28": ("ids that turn out to be one customer's", ("live/test_people.py", "faults/test_F01_memberships.py")),
    "F31": ("receivers of webhooks", ("live/test_webhooks.py",)),
    "F32": ("to and fro", ("live/test_webhooks.py::test_ten_thousand_changes_to_and_fro",)),
    "F50": ("large bodies", ("faults/test_F50_hostile.py",)),
    "F51": ("packed to burst", ("faults/test_F50_hostile.py::test_packed_bodies_that_burst",)),
    "F52": ("nested", ("live/test_strict.py::test_what_is_too_deep", "faults/test_F50_hostile.py::test_odd_bodies")),
    "F53": ("JSON at its edges", ("live/test_strict.py", "live/test_message.py::test_no_bytes_are_too_much")),
    "F54": ("odd texts", ("faults/test_F50_hostile.py::test_texts_come_back_as_they_were",)),
    "F56": ("YAML that bursts", ("workspace/test_document.py::test_bombs_are_refused_at_once",)),
    "F58": ("questions that take for ever", ("faults/test_F58_long.py",)),
    "F60": ("code in conditions", ("server/api/test_guard.py::test_hostile_questions", "faults/test_F50_requests.py")),
    "F61": ("SQL in names and values", ("server/api/test_guard.py::test_hostile_names", "faults/test_F50_requests.py")),
    "F64": ("models that run code", ("models/test_projects.py::test_no_model_is_pickled",)),
    "F65": (
        "webhooks that lead inside",
        ("live/test_egress.py", "live/test_webhooks.py::test_one_that_was_kept_by_other_means_is_looked_at_too"),
    ),
    "F66": (
        "forged webhooks, changed secrets",
        (
            "live/test_webhooks.py::test_a_change_is_told_and_can_be_verified",
            "live/test_webhooks.py::test_a_secret_that_was_changed_is_good_for_a_day",
        ),
    ),
    "F67": ("scripts in what customers say", ("browser/test_report.py::test_a_script_that_sneaks_in_does_not_run",)),
    "F69": (
        "formulas in exports",
        (
            "server/api/test_out.py::test_changes_as_a_table",
            "workspace/test_export.py::test_xlsx_is_local_time_and_never_a_formula",
        ),
    ),
    "F70": ("secrets that everybody has", ("server/test_clients.py::test_the_key_is_shown_once",)),
    "F71": ("open before it is set up", ("server/api/test_guard.py::test_every_route_with_every_key",)),
    "F72": ("open to the network", ("cli/test_serve.py::test_others_need_tls_or_a_proxy",)),
    "F73": (
        "ways around the door",
        ("server/api/test_guard.py::test_hostile_paths", "server/api/test_guard.py::test_another_name_is_not_answered"),
    ),
    "F74": (
        "another's things",
        ("server/api/test_guard.py::test_every_route_with_every_key", "server/api/test_guard.py::test_absent_is_absent"),
    ),
    "F75": ("keys", ("faults/test_F75_keys.py", "server/api/test_out.py::test_a_database_of_keys_lets_nobody_in")),
    "F77": (
        "customers in the service's own log",
        ("server/api/test_out.py::test_nothing_of_anybody_stands_in_what_the_service_says_of_itself",),
    ),
    "F78": ("too often", ("server/api/test_guard.py::test_who_asks_too_often_comes_again_later",)),
    "F80": ("paths that lead out", ("faults/test_catalogue.py::test_a_backup_that_leads_out_is_refused",)),
    "F81": ("rights", ("live/test_log.py::test_nobody_else_may_look",)),
}
NONE = {
    "F55": "patterns are RE2's, which take time in proportion to the text",
    "F59": "no route takes forms of several parts",
    "F62": "no route takes SQL",
    "F63": "nothing is rendered from templates that others write",
    "F68": "no messages to people are sent",
    "F76": "there are no cookies and no sessions",
}
"""What cannot happen here."""
LEFT = {
    "F03": "a file system that forgets what was not forced (LazyFS): calls are watched instead",
    "F07": "an hour of readers, writer and checkpoints at once",
    "F10": "there is one format so far, and nothing to go over from",
    "F29": "one customer with a million events beside others",
    "F30": "a million different names of properties",
    "F57": "files are read in the process of the run, not in one of limited rights",
    "F79": "what is installed is locked by hash; nothing else is looked at here",
    "F82": "erasing comes with its own work",
}

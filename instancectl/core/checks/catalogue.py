"""Every check, in the order of the reference page; a plain tuple, no discovery."""

from __future__ import annotations

from instancectl.core.checks import (
    agent,
    alerting,
    backups,
    edge,
    files,
    health,
    host,
    machine,
    mail,
    moments,
    names,
    sidekiq,
    software,
    storage,
    text_order,
)
from instancectl.core.checks.facts import Look
from instancectl.core.checks.model import Check, Gate

REGISTRY: tuple[Check, ...] = (
    Check(
        "config",
        "Does the instance file make sense on this machine?",
        files.config,
        "The file was read and understood before any check runs; unknown keys never get this far. It "
        "fails when the sizes under `[services]` do not fit the machine, or mail has no server to go to.",
        frozenset({Look.MACHINE}),
        Gate.ALWAYS,
    ),
    Check(
        "secrets",
        "Are all secrets present and whole?",
        files.secrets,
        "Mastodon does not start without them, and with changed encryption values it cannot read "
        "two-factor secrets (and from 4.7 on signing keys) ever again.",
        frozenset(),
        Gate.ALWAYS,
    ),
    Check(
        "identity",
        "Is the domain the one of the first deploy?",
        files.identity,
        "LOCAL_DOMAIN is part of every account's address on every other server; WEB_DOMAIN is part of "
        "every link. Neither can be changed after the first boot. The first deploy records both.",
        frozenset(),
        Gate.ALWAYS,
    ),
    Check(
        "release",
        "Is the release known, supported and up to date?",
        files.release,
        "Warns when the line is unknown, loses security support within 30 days, or has a newer release "
        "in the table this instancectl was made with.",
        frozenset({Look.CLOCK}),
    ),
    Check(
        "docker",
        "Can the Docker Engine and its Swarm be used?",
        machine.docker,
        "Needs Docker 20.10 or newer, and either no Swarm yet or one of which this host is a manager.",
        frozenset(),
        Gate.ALWAYS,
    ),
    Check(
        "images",
        "Are the images on this host?",
        software.images,
        "Never fails: `deploy` fetches what is missing, and says so when it cannot.",
        frozenset({Look.IMAGES}),
    ),
    Check(
        "memory",
        "Does the layout fit into memory?",
        machine.memory,
        "Adds up the limits of all replicas and what the host itself needs. Warns when only swap makes "
        "it fit, fails when not even that does.",
        frozenset({Look.MACHINE}),
        Gate.ALWAYS,
    ),
    Check(
        "cores",
        "Are there cores for the processes that compute?",
        machine.cores,
        "Puma processes and the Sidekiq processes of `default` and `ingress` are bound by the "
        "interpreter: more of them than cores take memory and give nothing.",
        frozenset({Look.MACHINE}),
    ),
    Check(
        "disk",
        "Is there room for images, database and media?",
        machine.disk,
        "Before the first deploy: room for the images to fetch and 2 GiB of data, or it fails; 10 GiB of "
        "data, or it warns. Later: fails below 1 GiB or 3 %, warns below 12 %.",
        frozenset({Look.MACHINE, Look.IMAGES}),
        Gate.ALWAYS,
    ),
    Check(
        "ports",
        "Are the published ports free, or held by our own proxy?",
        machine.ports,
        "Says which process holds a port. HTTP/3 uses the HTTPS port over UDP, so that is looked at, too.",
        frozenset({Look.PORTS}),
        Gate.FIRST,
    ),
    Check(
        "dns",
        "Do the names lead to this host?",
        names.dns,
        "Looks at the domain, `web_domain`, alternate domains, `www.` when it redirects, and `mail.` "
        "when mail is caught. Fails only when a public authority must find the host to certify it; "
        "otherwise it warns. Behind address translation it is unknown. Names like `*.localhost` cannot "
        "be in the DNS and are not looked up.",
        frozenset({Look.NAMES}),
        Gate.FIRST,
    ),
    Check(
        "clock",
        "Is the clock right, and kept right?",
        machine.clock,
        "Compares with the `Date` of an HTTPS answer and asks the kernel whether it is synchronised. "
        "Warns from 5 s or without synchronisation, fails from 30 s: two-factor codes are then refused.",
        frozenset({Look.CLOCK}),
    ),
    Check(
        "smtp",
        "Does the mail server answer, encrypt and accept the login?",
        mail.smtp,
        "Connects, greets, starts TLS, logs in. With `--send-test-mail ADDRESS` it also hands over a "
        "mail. The hint depends on the stage that failed.",
        frozenset({Look.MAIL}),
        Gate.FIRST,
    ),
    Check(
        "owner-mail",
        "Will Mastodon accept the owner's address?",
        mail.owner_mail,
        "Mastodon looks up the address's domain from inside its container and refuses it with `email "
        "unreachable` when neither the domain nor one of its MX hosts has an address. This check asks "
        "the same way.",
        frozenset({Look.OWNER_MAIL}),
        Gate.FIRST,
    ),
    Check(
        "alerts",
        "Is anybody told when something breaks?",
        alerting.alerts,
        "Looks at `[alerts]`. Warns with fewer than two receivers, because one of them may be what broke, "
        "and without a check outside that notices when alerts are dead. "
        "`instancectl alert test` proves them.",
    ),
    Check(
        "agent",
        "Does the agent run, with the settings as they are?",
        agent.agent,
        "Asks the agent of this host. It takes changed files by itself within seconds. Warns when something "
        "needs an agent and none answers, and when the files were changed to something it cannot use: it "
        "then goes on with what it had.",
        frozenset({Look.AGENT}),
    ),
    Check(
        "canary",
        "Does what is written arrive?",
        agent.canary,
        "The agent's last run on the write path, where `monitoring.canary` is on. Fails when a post was "
        "refused or did not arrive, warns when it cannot be tried.",
        frozenset({Look.AGENT}),
    ),
    Check(
        "backups",
        "Is there a backup set of the last night, and was a restore rehearsed?",
        backups.backups,
        "Looks at what this host remembers of its backups. Warns when a night was missed, or no drill was "
        "made for 35 days. Fails when there is no set of the last two days, or sets were found damaged.",
    ),
    Check(
        "point-in-time",
        "Could any moment of the last days be restored?",
        moments.moments,
        "Looks at what this host remembers of the WAL it sent away, where `backup.point_in_time` is set. "
        "Warns when nothing was sent for minutes, fails when it was an hour, when PostgreSQL gave the slot "
        "of the receiver up, and when something is missing since the last base.",
    ),
    Check(
        "s3",
        "Can media be stored in the bucket, and not be listed by strangers?",
        storage.store,
        "Writes, reads and deletes a small object, with the ACL that Mastodon would set. Warns when "
        "anybody may list the bucket.",
        frozenset({Look.STORE}),
        Gate.FIRST,
    ),
    Check(
        "postgresql-version",
        "Is PostgreSQL new enough for the release, and able to read the data?",
        software.postgres_version,
        "A running PostgreSQL is asked; before the first deploy the image is, or its tag while it is not "
        "fetched. Fails below the release's minimum and when `images.db` is of another major version "
        "than the data.",
        frozenset({Look.POSTGRES}),
        Gate.ALWAYS,
    ),
    Check(
        "redis-version",
        "Is Redis new enough for the release?",
        software.redis_version,
        "Asked like PostgreSQL. Sidekiq does not start with an older one.",
        frozenset({Look.REDIS}),
        Gate.ALWAYS,
    ),
    Check(
        "connections",
        "Do all database connections fit?",
        files.connections,
        "Adds up web (processes × threads), Sidekiq (threads), streaming (its pool), one-shot jobs and "
        "reserves, against PostgreSQL's `max_connections`; with PgBouncer, its pool instead of the "
        "services.",
        frozenset({Look.MACHINE}),
        Gate.ALWAYS,
    ),
    Check(
        "services",
        "Do all services run with all their replicas?",
        health.services,
        "Asks Swarm. Fails when a service has no replica, warns when it has too few or an update was not "
        "finished.",
    ),
    Check(
        "postgresql",
        "Does PostgreSQL answer a query?",
        health.postgresql,
        "Asked directly, because Mastodon's own health pages do not see it. Warns when most connections "
        "are used.",
        frozenset({Look.POSTGRES}),
    ),
    Check(
        "text-order",
        "Does PostgreSQL order text as when its indexes were made?",
        text_order.text_order,
        "An image with another C library finds no rows where they are. Indexes must be made again, or the "
        "image changed back.",
        frozenset({Look.POSTGRES}),
    ),
    Check(
        "redis",
        "Does Redis answer, and keep the jobs?",
        health.redis,
        "Asked directly, like PostgreSQL. Fails when it may drop keys, warns when its log is not written "
        "or its memory is nearly used up.",
        frozenset({Look.REDIS}),
    ),
    Check(
        "web",
        "Does every replica of web answer?",
        health.web,
        "`/health` of each replica: Puma is alive. It says nothing about PostgreSQL and Redis.",
        frozenset({Look.PROBES}),
    ),
    Check(
        "federation",
        "Can other servers look up an account?",
        health.federation,
        "Webfinger of the owner, asked of each replica directly, because the edge caches it for days. It "
        "fails without PostgreSQL.",
        frozenset({Look.PROBES, Look.POSTGRES}),
    ),
    Check(
        "api",
        "Do apps get an answer?",
        health.api,
        "`/api/v2/instance` of each replica. It fails without Redis.",
        frozenset({Look.PROBES, Look.REDIS}),
    ),
    Check(
        "streaming",
        "Do timelines move by themselves?",
        health.streaming,
        "A WebSocket with a made-up token, asked of each replica: 401 is well, 500 means that streaming "
        "lost PostgreSQL. Its own health page says 200 in both cases.",
        frozenset({Look.PROBES, Look.POSTGRES}),
    ),
    Check(
        "sidekiq",
        "Do the Sidekiq processes beat?",
        sidekiq.heartbeat,
        "Each writes a heartbeat to Redis every 10 s. A heartbeat does not prove that jobs succeed.",
        frozenset({Look.REDIS}),
    ),
    Check(
        "queues",
        "Is every queue worked on?",
        sidekiq.queues,
        "All seven queues need a process, or their jobs wait for ever; `mailers` carries the "
        "confirmation mails.",
        frozenset({Look.REDIS}),
    ),
    Check(
        "scheduler",
        "Does exactly one process plan recurring work?",
        sidekiq.scheduler,
        "Without one, nothing is cleaned up and scheduled posts stay; with two, everything is planned twice.",
        frozenset({Look.REDIS}),
    ),
    Check(
        "edge",
        "Does the site answer over HTTPS?",
        edge.edge,
        "`/health` through this host's own proxy, which no cache answers.",
        frozenset({Look.EDGE}),
    ),
    Check(
        "certificate",
        "Is the certificate valid and renewed in time?",
        edge.certificate,
        "Warns when less than a fifth of its lifetime is left: the proxy renews at a third. For files, "
        "21 days.",
        frozenset({Look.EDGE, Look.CLOCK}),
    ),
    Check(
        "client-address",
        "Does Mastodon see who really asks?",
        edge.client_address,
        "Sends a request through an IPv4 and an IPv6 address of this host and compares what arrives in "
        "`X-Forwarded-For`. If all clients share one address, one server with a bad signature shuts out "
        "all others for five minutes. Docker translates IPv6 unless its bridge has it; that fails only "
        "where an AAAA record leads people there.",
        frozenset({Look.CLIENT_ADDRESS, Look.NAMES}),
    ),
    Check(
        "exposure",
        "Do only the intended ports answer from outside?",
        host.exposure,
        "Tries ports of every address of this host from a network namespace of its own, so that Docker's "
        "published ports and the firewall treat it as a stranger: every port that something holds, and "
        "those of PostgreSQL, Redis, Puma, metrics, Docker and Swarm. Fails for each that answers and was "
        "not intended. Unknown when nobody could look. `check --exposure` does the same from another host, "
        "or for every port.",
        frozenset({Look.EXPOSURE}),
    ),
    Check(
        "firewall",
        "Is the firewall loaded, whole and unchanged?",
        host.firewall,
        "Compares the loaded table with what its file would load. Fails when the table is gone or differs.",
        frozenset({Look.FIREWALL}),
    ),
    Check(
        "sshd",
        "Does SSH still accept keys only, and nobody as root?",
        host.sshd,
        "Asks sshd for its effective settings, so that a line anywhere is noticed. Fails when they are "
        "weaker than provisioning made them, or when sshd is set to a port that the firewall keeps closed.",
        frozenset({Look.SSHD, Look.MANAGED}),
    ),
    Check(
        "timers",
        "Are the units and timers enabled and running?",
        host.timers,
        "Looks at every unit that provisioning enabled. A unit that waits for its condition, such as the "
        "agent before the first deploy, is well.",
        frozenset({Look.UNITS}),
    ),
    Check(
        "packages",
        "Do security updates install themselves?",
        host.packages,
        "Fails when unattended upgrades are off. Warns when packages are on hold, when security updates "
        "wait and no nightly run has come for three days, and when a reboot is due.",
        frozenset({Look.PACKAGES}),
    ),
    Check(
        "keys",
        "Can an admin log in, today and in two weeks?",
        host.keys,
        "Reads the `expiry-time` of the admin user's keys. Fails when none is valid, warns when one has "
        "expired or will within 14 days.",
        frozenset({Look.KEYS}),
    ),
    Check(
        "nodes",
        "Are all hosts in the Swarm, and ready?",
        host.nodes,
        "Compares the Swarm's nodes with the hosts that provisioning knows. Warns for one that is drained.",
        frozenset({Look.RECORD}),
    ),
    Check(
        "managed-files",
        "Are the files that provisioning wrote unchanged?",
        host.managed_files,
        "Compares their SHA-256 with the record. Warns, because an admin may have had a reason; the next "
        "provisioning writes them anew.",
        frozenset({Look.MANAGED}),
    ),
)

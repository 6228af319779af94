"""The text of a hardened unit, each line of the sandbox with what it keeps away.

Text with `{fields}` alone; who fills them is `systemd`. Checked by `systemd-analyze verify` and
`security` of systemd 252.
"""

from __future__ import annotations

ENVIRONMENT_FOLDER = "/etc/harken/instances"

SERVICE = """
[Unit]
Description={description}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=300
StartLimitBurst=4

[Service]
Type=exec
ExecStart={command}
User={user}
{environment}# Keys of upstreams (#key_env=) and other secrets; only root needs to read it.
EnvironmentFile=-/etc/harken/secrets.env
Restart=on-failure
RestartSec=1
# Wrong configuration, or it cannot start as told: trying again will not help.
RestartPreventExitStatus=2 3
# SIGTERM goes to the first process alone, which drains and stops its children; whatever is left is killed.
KillMode=mixed
TimeoutStopSec={stop_s}
LimitNOFILE=65536
UMask=0077
StateDirectory=harken
StateDirectoryMode=0700

# Nothing can be gained: no set-user-id, no capabilities{but}, no namespaces.
NoNewPrivileges=yes
CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
# The file system can be read, and written below the state folder alone.
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
{write}# The kernel and the machine's clock, name and logs are not its business.
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RemoveIPC=yes
{devices}# TCP for clients and instances, Unix sockets for harken scale, roll and drain.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
{code}
[Install]
WantedBy=multi-user.target
"""

CPU_DEVICES = """PrivateDevices=yes
"""

GPU_DEVICES = """# NVIDIA's devices and no others. From in here nobody can make /dev/nvidia-uvm, if it is not there:
# nvidia-persistenced makes it, or nvidia-modprobe -u -c 0 as root.
DevicePolicy=closed
DeviceAllow=char-nvidia rw
DeviceAllow=char-nvidia-frontend rw
DeviceAllow=char-nvidia-uvm rw
DeviceAllow=char-nvidiactl rw
DeviceAllow=char-nvidia-caps rw
"""

NO_NEW_CODE = """# No model is loaded here; torch's libraries, which write code while they run, would not bear it.
MemoryDenyWriteExecute=yes
"""

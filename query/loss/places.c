/*
 * What is known of names: where what outlives a session lies, and which files are histories or
 * look like logs. Sources: MITRE ATT&CK's pages of the techniques; file-hierarchy(7), crontab(5),
 * systemd.unit(5), bash(1), sshd(8); Microsoft's pages of Run keys, services and start-up folders.
 */
#include "filter/glob.h"
#include "loss/after.h"

static const struct loss_place FILES[] = {
    {"/etc/cron*/**", "cron entry", "T1053.003"},
    {"/etc/crontab", "cron entry", "T1053.003"},
    {"/etc/anacrontab", "cron entry", "T1053.003"},
    {"/var/spool/cron/**", "cron entry", "T1053.003"},
    {"/var/spool/at/**", "at job", "T1053.002"},
    {"/etc/systemd/**", "systemd unit", "T1543.002"},
    {"/usr/lib/systemd/**", "systemd unit", "T1543.002"},
    {"/usr/local/lib/systemd/**", "systemd unit", "T1543.002"},
    {"/lib/systemd/**", "systemd unit", "T1543.002"},
    {"/run/systemd/system/**", "systemd unit", "T1543.002"},
    {"**/.config/systemd/**", "systemd unit", "T1543.002"},
    {"**/.local/share/systemd/**", "systemd unit", "T1543.002"},
    {"/etc/init.d/**", "init script", "T1037.004"},
    {"/etc/rc*.d/**", "init script", "T1037.004"},
    {"/etc/rc.local", "init script", "T1037.004"},
    {"/etc/rc.d/**", "init script", "T1037.004"},
    {"/etc/inittab", "init script", "T1037.004"},
    {"/etc/update-motd.d/**", "login script", "T1037"},
    {"/etc/profile", "shell profile", "T1546.004"},
    {"/etc/profile.d/**", "shell profile", "T1546.004"},
    {"/etc/bash.bashrc", "shell profile", "T1546.004"},
    {"/etc/bashrc", "shell profile", "T1546.004"},
    {"/etc/zsh/**", "shell profile", "T1546.004"},
    {"**/.bashrc", "shell profile", "T1546.004"},
    {"**/.bash_profile", "shell profile", "T1546.004"},
    {"**/.bash_login", "shell profile", "T1546.004"},
    {"**/.bash_logout", "shell profile", "T1546.004"},
    {"**/.bash_aliases", "shell profile", "T1546.004"},
    {"**/.profile", "shell profile", "T1546.004"},
    {"**/.zshrc", "shell profile", "T1546.004"},
    {"**/.zshenv", "shell profile", "T1546.004"},
    {"**/.zprofile", "shell profile", "T1546.004"},
    {"**/.config/fish/config.fish", "shell profile", "T1546.004"},
    {"**/.ssh/authorized_keys", "SSH key", "T1098.004"},
    {"**/.ssh/authorized_keys2", "SSH key", "T1098.004"},
    {"/etc/ssh/sshd_config", "SSH server's settings", "T1098.004"},
    {"/etc/ssh/sshd_config.d/**", "SSH server's settings", "T1098.004"},
    {"**/.ssh/rc", "login script", "T1546.004"},
    {"/etc/ssh/sshrc", "login script", "T1546.004"},
    {"/etc/passwd", "account", "T1136.001"},
    {"/etc/shadow", "account", "T1098"},
    {"/etc/group", "account", "T1098"},
    {"/etc/sudoers", "sudo rule", "T1548.003"},
    {"/etc/sudoers.d/**", "sudo rule", "T1548.003"},
    {"/etc/pam.d/**", "login module", "T1556.003"},
    {"/lib/**/security/pam_*.so", "login module", "T1556.003"},
    {"/usr/lib/**/security/pam_*.so", "login module", "T1556.003"},
    {"/etc/ld.so.preload", "preloaded library", "T1574.006"},
    {"/etc/ld.so.conf.d/**", "library path", "T1574.006"},
    {"/etc/udev/rules.d/**", "udev rule", "T1546.017"},
    {"/lib/udev/rules.d/**", "udev rule", "T1546.017"},
    {"/etc/modules", "kernel module", "T1547.006"},
    {"/etc/modules-load.d/**", "kernel module", "T1547.006"},
    {"/lib/modules/**", "kernel module", "T1547.006"},
    {"/etc/apt/apt.conf.d/**", "package hook", "T1546.016"},
    {"/etc/logrotate.d/**", "log rotation hook", "T1053.003"},
    {"/etc/xdg/autostart/**", "autostart entry", "T1547.013"},
    {"**/.config/autostart/**", "autostart entry", "T1547.013"},
    {"?:/**/Start Menu/Programs/Startup/**", "start-up folder", "T1547.001"},
    {"?:/Windows/System32/Tasks/**", "scheduled task", "T1053.005"},
    {"?:/Windows/Tasks/**", "scheduled task", "T1053.005"},
    {"?:/**/WindowsPowerShell/**/*profile.ps1", "PowerShell profile", "T1546.013"},
    {"?:/Windows/System32/GroupPolicy/**/Scripts/**", "logon script", "T1037.001"},
};

static const struct loss_place REGISTRY[] = {
    {"*\\CurrentVersion\\Run\\*", "run key", "T1547.001"},
    {"*\\CurrentVersion\\RunOnce*\\*", "run key", "T1547.001"},
    {"*\\CurrentVersion\\RunServices*\\*", "run key", "T1547.001"},
    {"*\\CurrentVersion\\Policies\\Explorer\\Run\\*", "run key", "T1547.001"},
    {"*\\Explorer\\*Shell Folders\\*Startup", "start-up folder", "T1547.001"},
    {"*\\Services\\*\\ImagePath", "service", "T1543.003"},
    {"*\\Services\\*\\ServiceDll", "service", "T1543.003"},
    {"*\\Services\\*\\FailureCommand", "service", "T1543.003"},
    {"*\\Schedule\\TaskCache\\*", "scheduled task", "T1053.005"},
    {"*\\Winlogon\\Shell", "logon helper", "T1547.004"},
    {"*\\Winlogon\\Userinit", "logon helper", "T1547.004"},
    {"*\\Winlogon\\Notify\\*", "logon helper", "T1547.004"},
    {"*\\Image File Execution Options\\*\\Debugger", "image file option", "T1546.012"},
    {"*\\SilentProcessExit\\*\\MonitorProcess", "image file option", "T1546.012"},
    {"*\\AppInit_DLLs", "preloaded library", "T1546.010"},
    {"*\\AppCertDlls\\*", "preloaded library", "T1546.009"},
    {"*\\Control\\Lsa\\*Packages", "authentication package", "T1547.002"},
    {"*\\InprocServer32\\*", "COM object", "T1546.015"},
    {"*\\LocalServer32\\*", "COM object", "T1546.015"},
    {"*\\TreatAs\\*", "COM object", "T1546.015"},
    {"*\\Environment\\UserInitMprLogonScript", "logon script", "T1037.001"},
    {"*\\Active Setup\\Installed Components\\*\\StubPath", "active set-up", "T1547.014"},
    {"*\\Print\\Monitors\\*\\Driver", "port monitor", "T1547.010"},
    {"*\\Control Panel\\Desktop\\SCRNSAVE.EXE", "screen saver", "T1546.002"},
};

/* Where interpreters keep what was typed: bash(1), zsh(1), mysql(1), psql(1) and their like. */
static const char *const HISTORIES[] = {
    "**/.bash_history",   "**/.zsh_history",       "**/.zhistory",
    "**/.sh_history",     "**/.ash_history",       "**/.ksh_history",
    "**/.history",        "**/.histfile",          "**/fish_history",
    "**/.mysql_history",  "**/.psql_history",      "**/.sqlite_history",
    "**/.python_history", "**/.node_repl_history", "**/.rediscli_history",
    "**/.lesshst",        "**/.viminfo",           "**/*ConsoleHost_history.txt",
};

static const char *const LOG_NAMES[] = {
    "/var/log/**", "**/log/**",    "**/logs/**",    "**/*.log",          "**/*.log.[0-9]*",
    "**/*_log",    "**/*.journal", "/var/run/utmp", "/run/utmp",         "**/wtmp",
    "**/btmp",     "**/lastlog",   "**/*.evtx",     "?:/**/LogFiles/**",
};

/* What a shell or sshd(8) reads from the home of who logs in. */
static const char *const OF_HOMES[] = {
    "**/.bashrc", "**/.profile", "**/.bash_profile", "**/.bash_login", "**/.zshrc",
};

static bool is_any(struct btr_span path, const char *const *globs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (query_glob_path(btr_span_of(globs[i]), path))
            return true;
    return false;
}

bool loss_is_history(struct btr_span path)
{
    return is_any(path, HISTORIES, sizeof HISTORIES / sizeof *HISTORIES);
}

bool loss_is_log_name(struct btr_span path)
{
    return is_any(path, LOG_NAMES, sizeof LOG_NAMES / sizeof *LOG_NAMES);
}

static struct btr_span folder_of(struct btr_span path)
{
    while (path.size && path.at[path.size - 1] != '/' && path.at[path.size - 1] != '\\')
        path.size--;
    path.size -= path.size > 0;
    return path;
}

bool loss_home_of(struct btr_span path, struct btr_span *home)
{
    bool key = query_glob_path(BTR_SPAN("**/.ssh/authorized_keys"), path);
    if (!key && !is_any(path, OF_HOMES, sizeof OF_HOMES / sizeof *OF_HOMES))
        return false;
    *home = key ? folder_of(folder_of(path)) : folder_of(path);
    return true;
}

const struct loss_place *loss_place_of_file(struct btr_span path)
{
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        if (query_glob_path(btr_span_of(FILES[i].glob), path))
            return &FILES[i];
    return NULL;
}

const struct loss_place *loss_place_of_registry(struct btr_span path)
{
    for (size_t i = 0; i < sizeof REGISTRY / sizeof *REGISTRY; i++)
        if (query_glob(btr_span_of(REGISTRY[i].glob), path, true))
            return &REGISTRY[i];
    return NULL;
}

struct btr_span loss_jobs_account(struct btr_span path)
{
    static const char *const FOLDERS[] = {"/var/spool/cron/crontabs/", "/var/spool/cron/tabs/",
                                          "/var/spool/cron/"};
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        struct btr_span folder = btr_span_of(FOLDERS[i]);
        if (!btr_span_begins(path, folder))
            continue;
        struct btr_span name = {path.at + folder.size, path.size - folder.size};
        return btr_span_contains(name, BTR_SPAN("/")) ? (struct btr_span){0} : name;
    }
    return (struct btr_span){0};
}

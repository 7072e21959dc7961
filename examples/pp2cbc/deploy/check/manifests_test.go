package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// documents are the parts of a manifest.
func documents(t *testing.T, name string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(text, []byte("\n---\n"))
}

// strictly reads a part by the types of Kubernetes. A member that these do not have is an error.
func strictly(t *testing.T, text []byte, into any, kind, version string) {
	t.Helper()
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var head struct{ Kind, APIVersion string }
	if err := yaml.Unmarshal(text, &head); err != nil || head.Kind != kind || head.APIVersion != version {
		t.Fatalf("%+v is no %s of %s: %v", head, kind, version, err)
	}
}

type base struct {
	account corev1.ServiceAccount
	config  corev1.ConfigMap
	claim   corev1.PersistentVolumeClaim
}

func readBase(t *testing.T) base {
	t.Helper()
	parts := documents(t, "base.yaml")
	if len(parts) != 3 {
		t.Fatalf("base.yaml has %d parts", len(parts))
	}
	var b base
	strictly(t, parts[0], &b.account, "ServiceAccount", "v1")
	strictly(t, parts[1], &b.config, "ConfigMap", "v1")
	strictly(t, parts[2], &b.claim, "PersistentVolumeClaim", "v1")
	return b
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	b := readBase(t)
	var deployment appsv1.Deployment
	strictly(t, documents(t, "deployment.yaml")[0], &deployment, "Deployment", "apps/v1")
	var cron batchv1.CronJob
	strictly(t, documents(t, "cronjob.yaml")[0], &cron, "CronJob", "batch/v1")

	if deployment.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || *deployment.Spec.Replicas != 1 {
		t.Error("two at once would wait for the ledger's disk")
	}
	for key, value := range deployment.Spec.Selector.MatchLabels {
		if deployment.Spec.Template.Labels[key] != value {
			t.Errorf("the pods do not have the label %s that they are selected by", key)
		}
	}
	if cron.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent || *cron.Spec.JobTemplate.Spec.BackoffLimit != 0 || cron.Spec.JobTemplate.Spec.Template.Spec.RestartPolicy != corev1.RestartPolicyNever {
		t.Error("jobs overlap, or are tried again at once")
	}
	pp2cbc := program(t)
	for name, pod := range map[string]corev1.PodSpec{"deployment": deployment.Spec.Template.Spec, "cronjob": cron.Spec.JobTemplate.Spec.Template.Spec} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkPod(t, b, pod)
			understands(t, pp2cbc, pod.Containers[0].Args, b.config.Data["config.conf"])
		})
	}
	probe := deployment.Spec.Template.Spec.Containers[0].LivenessProbe
	if probe == nil || probe.HTTPGet.Path != "/healthz" || probe.HTTPGet.Port.StrVal != deployment.Spec.Template.Spec.Containers[0].Ports[0].Name {
		t.Errorf("the probe is %+v", probe)
	}
}

// checkPod checks what a pod may and what it gets.
func checkPod(t *testing.T, b base, pod corev1.PodSpec) {
	t.Helper()
	img := readImage(t)
	if len(pod.Containers) != 1 {
		t.Fatalf("there are %d containers", len(pod.Containers))
	}
	c := pod.Containers[0]
	if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser != int64(img.user) || *s.FSGroup != int64(img.group) || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod runs as %+v", s)
	}
	if s := c.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("the container may %+v", s)
	}
	if pod.ServiceAccountName != b.account.Name || *pod.AutomountServiceAccountToken {
		t.Errorf("the account is %s", pod.ServiceAccountName)
	}
	at := make(map[string]string)
	for _, m := range c.VolumeMounts {
		at[m.Name] = m.MountPath
	}
	for _, v := range pod.Volumes {
		want := map[string]string{"config": "/config", "secrets": "/run/secrets/pp2cbc", "data": "/data", "tmp": "/tmp"}[v.Name]
		if want == "" || at[v.Name] != want {
			t.Errorf("the volume %s is at %q, want %q", v.Name, at[v.Name], want)
		}
		switch {
		case v.ConfigMap != nil && v.ConfigMap.Name != b.config.Name, v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName != b.claim.Name:
			t.Errorf("the volume %s is of something that is not in base.yaml", v.Name)
		case v.Secret != nil && *v.Secret.DefaultMode != 0o440:
			t.Errorf("the secrets are for whoever the mode %o says", *v.Secret.DefaultMode)
		}
	}
	if len(at) != len(pod.Volumes) {
		t.Errorf("there are %d volumes at %v", len(pod.Volumes), at)
	}
}

// understands has the program read arguments and a configuration, without asking any service.
func understands(t *testing.T, pp2cbc string, args []string, config string) {
	t.Helper()
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.conf")
	i := slices.Index(args, "--config") + 1
	if i < 1 || i >= len(args) || args[i] != "/config/config.conf" {
		t.Fatalf("the arguments %q do not name the configuration", args)
	}
	args = slices.Clone(args)
	args[i] = missing
	out, err := exec.CommandContext(t.Context(), pp2cbc, args...).CombinedOutput()
	if ended := (*exec.ExitError)(nil); !errors.As(err, &ended) || ended.ExitCode() != 2 || !strings.Contains(string(out), "there is no configuration file") {
		t.Errorf("with the arguments %q the program says %s (%v)", args, out, err)
	}
	for _, name := range []string{"cbc", "tap"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("a secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "config.conf")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(config, "/run/secrets/pp2cbc", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	migrate := exec.CommandContext(t.Context(), pp2cbc, "migrate", "--json", "--dry-run", path)
	text, err := migrate.Output()
	var found struct{ Warnings, Problems []string }
	if err := errors.Join(err, json.Unmarshal(text, &found)); err != nil || len(found.Warnings)+len(found.Problems) > 0 {
		t.Errorf("of the configuration the program says %+v (%v): %s", found, err, text)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"}, cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := project.GetService("pp2cbc")
	if err != nil {
		t.Fatal(err)
	}
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.User != "" || s.Privileged {
		t.Errorf("the container may too much: %+v", s)
	}
	for _, port := range s.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("the port %s can be reached from elsewhere", port.Published)
		}
	}
	if dockerfile := filepath.Join(s.Build.Context, s.Build.Dockerfile); !same(t, dockerfile, "../Dockerfile") {
		t.Errorf("it is built by %s", dockerfile)
	}
	mounted := make(map[string]types.ServiceVolumeConfig)
	for _, v := range s.Volumes {
		mounted[v.Target] = v
	}
	if v := mounted["/config/config.conf"]; !v.ReadOnly || filepath.Base(v.Source) != "config.conf" || !same(t, filepath.Dir(v.Source), "..") {
		t.Errorf("the configuration is %+v", v)
	}
	if _, ok := project.Volumes[mounted["/data"].Source]; !ok {
		t.Errorf("/data is %+v", mounted["/data"])
	}
	config, err := os.ReadFile("../config.example.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range s.Secrets {
		if !bytes.Contains(config, []byte("= "+secret.Target+"\n")) {
			t.Errorf("the configuration reads no secret from %s", secret.Target)
		}
	}
	if len(s.Secrets) != bytes.Count(config, []byte("_file = ")) {
		t.Errorf("%d secrets for this configuration: %s", len(s.Secrets), config)
	}
	understands(t, program(t), s.Command, string(config))
	if b := readBase(t); strings.TrimSpace(b.config.Data["config.conf"]) != strings.TrimSpace(withoutFirstLine(string(config))) {
		t.Error("the configurations of compose and Kubernetes are not the same")
	}
}

// withoutFirstLine leaves out the remark.
func withoutFirstLine(text string) string {
	_, rest, _ := strings.Cut(text, "\n")
	return rest
}

func same(t *testing.T, a, b string) bool {
	t.Helper()
	one, err := os.Stat(a)
	if err != nil {
		t.Error(err)
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

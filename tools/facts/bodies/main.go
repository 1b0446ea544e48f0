// Prints protobuf bodies of random objects, each with the JSON that Go writes of it, one a line: what
// tests/sandbox/recorded/protobuf.jsonl holds.
//
//	go run . 11 1 > ../../../tests/sandbox/recorded/protobuf.jsonl
package main

import (
	"encoding/json"
	"math/rand"
	"os"
	"strconv"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/randfill"
)

var kinds = map[string][]string{
	"v1":                       {"Binding", "ConfigMap", "Endpoints", "Event", "Namespace", "Node", "Pod", "Secret", "Service", "ServiceAccount"},
	"apiextensions.k8s.io/v1":  {"CustomResourceDefinition"},
	"apps/v1":                  {"ControllerRevision", "Deployment", "ReplicaSet", "StatefulSet", "DeleteOptions"},
	"authentication.k8s.io/v1": {"SelfSubjectReview"},
	"authorization.k8s.io/v1":  {"SelfSubjectAccessReview"},
	"autoscaling/v1":           {"Scale"},
	"coordination.k8s.io/v1":   {"Lease"},
	"discovery.k8s.io/v1":      {"EndpointSlice"},
	"events.k8s.io/v1":         {"Event"},
	"policy/v1":                {"Eviction"},
}

type body struct {
	Proto []byte          `json:"proto"`
	JSON  json.RawMessage `json:"json"`
}

func main() {
	seed, _ := strconv.ParseInt(os.Args[1], 10, 64)
	count, _ := strconv.Atoi(os.Args[2])
	must(apiextensions.AddToScheme(scheme.Scheme))
	codec := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	out := json.NewEncoder(os.Stdout)
	for _, version := range versions() {
		for _, kind := range kinds[version] {
			filler := filler(seed)
			for range count {
				gv, err := schema.ParseGroupVersion(version)
				must(err)
				obj, err := scheme.Scheme.New(gv.WithKind(kind))
				must(err)
				filler.Fill(obj)
				obj.GetObjectKind().SetGroupVersionKind(gv.WithKind(kind))
				proto, err := runtime.Encode(codec, obj)
				must(err)
				text, err := json.Marshal(obj)
				must(err)
				must(out.Encode(body{proto, text}))
			}
		}
	}
}

func versions() []string {
	found := []string{"v1", "apiextensions.k8s.io/v1", "apps/v1", "authentication.k8s.io/v1", "authorization.k8s.io/v1",
		"autoscaling/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1", "events.k8s.io/v1", "policy/v1"}
	return found
}

func filler(seed int64) *randfill.Filler {
	schemas := 0
	return randfill.New().RandSource(rand.NewSource(seed)).NilChance(.5).NumElements(0, 2).MaxDepth(12).Funcs(
		func(v *meta.Time, c randfill.Continue) {
			if c.Bool() {
				v.Time = time.Unix(c.Int63()%4e9, 0)
			}
		},
		func(v *meta.MicroTime, c randfill.Continue) {
			if c.Bool() {
				v.Time = time.Unix(c.Int63()%4e9, c.Int63()%1e6*1000)
			}
		},
		func(v *resource.Quantity, c randfill.Continue) {
			*v = *resource.NewQuantity(c.Int63()%1e12, resource.DecimalSI)
		},
		func(v *intstr.IntOrString, c randfill.Continue) {
			*v = intstr.FromInt32(c.Int31() - 1e9)
			if c.Bool() {
				*v = intstr.FromString(c.String(0))
			}
		},
		func(v *[]byte, c randfill.Continue) { *v = []byte(c.String(8)) }, // in a map, protobuf knows no nil
		func(v *runtime.RawExtension, c randfill.Continue) { v.Raw = []byte(`{"a":[1,2.5,null,{"b":"ü"}]}`) },
		func(v *meta.FieldsV1, c randfill.Continue) { v.Raw = []byte(`{"f:spec":{"f:replicas":{}}}`) },
		func(v *meta.TypeMeta, c randfill.Continue) {},
		func(v *apiextensions.JSON, c randfill.Continue) { v.Raw = []byte(`{"x":1}`) },
		func(v *apiextensions.JSONSchemaProps, c randfill.Continue) {
			if schemas++; schemas%7 != 0 {
				c.FillNoCustom(v)
			}
		},
		func(v *apiextensions.JSONSchemaPropsOrBool, c randfill.Continue) {
			if v.Allows = c.Bool(); v.Allows && c.Bool() {
				v.Schema = &apiextensions.JSONSchemaProps{Type: "string"}
			}
		},
		func(v *apiextensions.JSONSchemaPropsOrArray, c randfill.Continue) {
			v.Schema = &apiextensions.JSONSchemaProps{Type: "string"}
			if c.Bool() {
				v.Schema, v.JSONSchemas = nil, []apiextensions.JSONSchemaProps{{Type: "integer"}, {}}
			}
		},
		func(v *apiextensions.JSONSchemaPropsOrStringArray, c randfill.Continue) {
			v.Property = []string{"a", "b"}
			if c.Bool() {
				v.Schema, v.Property = &apiextensions.JSONSchemaProps{Type: "integer"}, nil
			}
		},
	)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

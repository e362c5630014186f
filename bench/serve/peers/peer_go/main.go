// The peer in Go: net/http and leaves, JSON by encoding/json or goccy/go-json.
//
//	PEER_MODEL=FILE PEER_PORT=N PEER_JSON=std|goccy tandem-peer
package main

import (
	stdjson "encoding/json"
	"log"
	"net/http"
	"os"

	"github.com/dmitryikh/leaves"
	goccy "github.com/goccy/go-json"
)

type question struct {
	Features []float64 `json:"features"`
}

type answer struct {
	Prediction float64 `json:"prediction"`
}

type codec struct {
	read  func(r *http.Request, q *question) error
	write func(a answer) ([]byte, error)
}

var codecs = map[string]codec{
	"std": {
		func(r *http.Request, q *question) error { return stdjson.NewDecoder(r.Body).Decode(q) },
		func(a answer) ([]byte, error) { return stdjson.Marshal(a) },
	},
	"goccy": {
		func(r *http.Request, q *question) error { return goccy.NewDecoder(r.Body).Decode(q) },
		func(a answer) ([]byte, error) { return goccy.Marshal(a) },
	},
}

func main() {
	model, err := leaves.LGEnsembleFromFile(os.Getenv("PEER_MODEL"), true)
	if err != nil {
		log.Fatal(err)
	}
	json, found := codecs[os.Getenv("PEER_JSON")]
	if !found {
		log.Fatal("PEER_JSON must be std or goccy")
	}
	http.HandleFunc("/predict", func(w http.ResponseWriter, r *http.Request) {
		var q question
		if err := json.read(r, &q); err != nil || len(q.Features) != model.NFeatures() {
			http.Error(w, "not a question", http.StatusBadRequest)
			return
		}
		// What every other server does: inputs are f32.
		for i, v := range q.Features {
			q.Features[i] = float64(float32(v))
		}
		text, err := json.write(answer{model.PredictSingle(q.Features, 0)})
		if err != nil {
			http.Error(w, "no answer", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(text)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PEER_PORT"), nil))
}

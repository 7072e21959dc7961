package proofpoint_test

import (
	"context"
	"fmt"
	"log"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func ExamplePeople_VeryAttacked() {
	client := exampleClientOf(proofpointtest.World{People: []proofpointtest.Person{
		{Emails: []string{"mia@lab.example"}, VIP: true, Attacks: []proofpointtest.Score{{Family: "malware", Points: 1312}}},
		{Emails: []string{"tom@lab.example"}, Attacks: []proofpointtest.Score{{Family: "malware", Points: 990}}},
	}})
	query := proofpoint.PeopleQuery{
		Window:   proofpoint.Last30Days,
		OnTotals: func(t proofpoint.PeopleTotals) { fmt.Println("people in all:", t.Users) },
	}
	for p, err := range client.People.VeryAttacked(context.Background(), query) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.AttackIndex, p.Person.Emails, p.Person.VIP)
	}
	// Output:
	// people in all: 2
	// 1312 [mia@lab.example] true
	// 990 [tom@lab.example] false
}

func ExamplePeople_TopClickers() {
	client := exampleClientOf(proofpointtest.World{People: []proofpointtest.Person{
		{Emails: []string{"tom@lab.example"}, Clicks: []proofpointtest.Score{{Family: "Malware", Points: 9}}},
	}})
	for c, err := range client.People.TopClickers(context.Background(), proofpoint.PeopleQuery{Window: proofpoint.Last90Days}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Clicks, c.Person.Emails, c.Families)
	}
	// Output:
	// 9 [tom@lab.example] [{Malware 9}]
}
